"""Whatever figure against whatever other a reader asks for."""

from __future__ import annotations

import math
from collections.abc import Sequence

from odebench.errors import UserError, choices
from odebench.record import Record
from odebench.report.charts.cells import Cells
from odebench.report.charts.lines import apart, swept
from odebench.report.charts.model import Chart, Point
from odebench.report.charts.words import title
from odebench.report.precision import reported_error


def free(records: Sequence[Record], x: str, y: str) -> Chart:
    """:param x: a metric, an entry of the configuration, ``option_…``, or ``step`` for training curves.
    :raises UserError: when no record that ended well has both figures.
    """
    cells = Cells(records)
    shown = [(record, points) for record in cells.ok if (points := _points(cells, record, x, y))]
    if not shown:
        known = _known(records)
        missing = next((name for name in (x, y) if name not in known), f"{y} against {x}")
        raise UserError(f"no record that ended well has {missing}; {choices(missing, known)}")
    points = [point for _, some in shown for point in some]
    panels = apart(shown) if x == "step" else swept(shown, x.removeprefix("option_"))
    log_x = x != "step" and all(point.x > 0 for point in points)
    log_y = all(point.y > 0 for point in points)
    return Chart(f"{y}-{x}", "", title(x), title(y), panels, log_x, log_y)


def value(record: Record, name: str) -> float:
    """A metric, an entry of the configuration or an option (``option_outputs``) as a number; NaN where it is none."""
    if name.endswith("_error") and name in record.metrics:
        return reported_error(record, name)
    known = record.metrics | record.config | {f"option_{k}": v for k, v in record.config.get("options", {}).items()}
    found = known.get(name)
    return float(found) if isinstance(found, int | float) else math.nan


def _points(cells: Cells, record: Record, x: str, y: str) -> list[Point]:
    pairs = [(p.get(x, math.nan), p.get(y, math.nan)) for p in record.curve] if x == "step" else []
    pairs = pairs or [(value(record, x), value(record, y))]
    return [Point(a, b, cells.about(record)) for a, b in pairs if math.isfinite(a) and math.isfinite(b)]


def _known(records: Sequence[Record]) -> set[str]:
    found = {"step"} if any(record.curve for record in records) else set()
    for record in records:
        found |= {*record.metrics, *record.config} | {f"option_{name}" for name in record.config.get("options", {})}
    return found

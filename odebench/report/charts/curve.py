"""Training: a figure against the step."""

from __future__ import annotations

import math
from collections.abc import Sequence

from odebench.record import Record
from odebench.report.charts.cells import Cells, configuration
from odebench.report.charts.lines import apart
from odebench.report.charts.model import Chart, Point
from odebench.report.charts.words import title
from odebench.report.columns import count, digits, scientific

KINDS = {
    "training-nfe": ("nfe_forward", "Evaluations in training", count),
    "training-loss": ("loss", "Loss in training", digits),
    "training-reconstruction": ("reconstruction_error", "Reconstruction error in training", scientific),
}
_POINTS = 10_000  # of all curves together: more are not told apart on a screen
_CURVE = 200  # of one


def curve(cells: Cells, name: str) -> Chart | None:
    """A line of each cell that ended well; all are thinned alike, their last points kept. The axis is logarithmic for
    what is positive throughout, but for the evaluations.

    :param name: one of :data:`KINDS`.
    """
    key, says, _ = KINDS[name]
    curves = [(r, found) for r in cells.ok if (found := [p for p in r.curve if _finite(p, "step") and _finite(p, key)])]
    limit = max(2, min(_CURVE, _POINTS // max(1, len(curves))))
    shown = [(record, _points(record, thinned(found, limit), name)) for record, found in curves]
    log = key != "nfe_forward" and all(point.y > 0 for _, points in shown for point in points)
    return Chart(name, says, title("step"), title(key), apart(shown), log_x=False, log_y=log) if shown else None


def thinned(points: Sequence[dict[str, float]], limit: int) -> Sequence[dict[str, float]]:
    """At most ``limit`` of them, evenly spaced, the first and the last among them."""
    if len(points) <= limit:
        return points
    return [points[round(i * (len(points) - 1) / (limit - 1))] for i in range(limit)]


def _finite(point: dict[str, float], key: str) -> bool:
    return math.isfinite(point.get(key, math.nan))


def _points(record: Record, points: Sequence[dict[str, float]], name: str) -> list[Point]:
    key, _, form = KINDS[name]
    about = configuration(record)
    return [
        Point(p["step"], p[key], about | {title("step"): count(p["step"]), title(key): form(p[key])}) for p in points
    ]

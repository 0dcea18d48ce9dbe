"""What the time of a gradient went into, on the scale of the overhead: the whole bar is the overhead factor."""

from __future__ import annotations

import math
from collections.abc import Sequence

from odebench.descriptors import PARTS
from odebench.record import Record
from odebench.report.charts.bars import bars
from odebench.report.charts.cells import Cells
from odebench.report.charts.model import BarChart, Part

_WORDS = {"dynamics": "f", "autograd": "products and graphs", "stages": "stage sums", "norm": "error norm"}


def split(cells: Cells) -> BarChart | None:
    """Of cells that were profiled. Dynamics and autograd of compiled code are the limit itself."""
    says = "Overhead, by what the time went into (of compiled code: by bare costs)"
    return bars(cells, "split", says, "time over that of the evaluations alone", _parts, limit=1.0, by_part=True)


def _parts(record: Record) -> Sequence[Part]:
    """No bar goes backwards: where compiled code is faster than its limit, what it takes is shared out by the limit."""
    overhead = record.metrics.get("overhead", math.nan)
    values = {name: record.metrics.get(f"part_{name}", math.nan) for name in PARTS}
    known = {name: max(value, 0.0) for name, value in values.items() if math.isfinite(value)}
    if not known or not math.isfinite(overhead):
        return []
    scale = overhead / sum(known.values())
    return [Part(_WORDS.get(name, name), value * scale, math.nan, math.nan) for name, value in known.items()]

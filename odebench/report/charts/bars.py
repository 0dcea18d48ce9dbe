"""What a gradient takes: time by pass, compilation, and the distance from the physical limit."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from odebench.record import Record
from odebench.report.charts.cells import Cells
from odebench.report.charts.lines import Names
from odebench.report.charts.model import Bar, BarChart, BarPanel, Part


def time(cells: Cells) -> BarChart | None:
    """Forward, and backward on top of it: what both take less what the forward pass takes, its interval as wide as
    theirs together."""
    return bars(cells, "time", "Time of a gradient", "milliseconds", _passes)


def compiling(cells: Cells) -> BarChart | None:
    """A chart of its own: it is seconds where the passes are milliseconds."""
    return bars(cells, "compile", "Compilation, or what else the first call takes", "seconds", _single("compile_s"))


def overhead(cells: Cells) -> BarChart | None:
    """1 is what the evaluations and products alone would take."""
    says = "Overhead: time over that of the evaluations alone"
    return bars(cells, "overhead", says, "overhead factor", _single("overhead"), limit=1.0)


def bars(
    cells: Cells,
    name: str,
    says: str,
    value: str,
    parts: Callable[[Record], Sequence[Part]],
    limit: float | None = None,
    *,
    by_part: bool = False,
) -> BarChart | None:
    """A bar of each cell that has any such parts."""
    found: dict[str, list[tuple[Record, Sequence[Part]]]] = {}
    for record in cells.ok:
        if some := parts(record):
            found.setdefault(record.config["task"], []).append((record, some))
    panels = [BarPanel(task, _bars(cells, some)) for task, some in found.items()]
    return BarChart(name, says, value, panels, limit, by_part) if panels else None


def _bars(cells: Cells, found: Sequence[tuple[Record, Sequence[Part]]]) -> list[Bar]:
    names = Names([record for record, _ in found])
    return [Bar(r.config["backend"], names.cell(r), parts, cells.about(r)) for r, parts in found]


def _single(name: str) -> Callable[[Record], Sequence[Part]]:
    def parts(record: Record) -> Sequence[Part]:
        value = record.metrics.get(name, math.nan)
        return [Part(name.removesuffix("_s"), value, math.nan, math.nan)] if math.isfinite(value) else []

    return parts


def _passes(record: Record) -> Sequence[Part]:
    forward, low, high = _milliseconds(record, "forward")
    both, both_low, both_high = _milliseconds(record, "forward_backward")
    if not math.isfinite(forward):
        return []
    parts = [Part("forward", forward, low, high)]
    if math.isfinite(both):
        backward = (both - forward, both_low - high, both_high - low)
        parts.append(Part("backward", *(0.0 if x < 0 else x for x in backward)))
    return parts


def _milliseconds(record: Record, kind: str) -> tuple[float, float, float]:
    value, low, high = (1e3 * record.metrics.get(f"{kind}{end}_s", math.nan) for end in ("", "_low", "_high"))
    return value, low, high

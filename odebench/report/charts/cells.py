"""The cells that charts show: those that ended well, each with what there is to say of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cached_property

from odebench.record import CellStatus, Record
from odebench.report.charts.model import Point
from odebench.report.columns import KNOWN, figure
from odebench.report.labels import accuracy

_FIGURES = [
    KNOWN[name]
    for name in (
        "nfe_forward",
        "nfe_backward",
        "forward_s",
        "forward_backward_s",
        "compile_s",
        "memory_bytes",
        "forward_error",
        "gradient_error",
        "overhead",
        "part_dynamics",
        "host_syncs",
    )
]
Shown = tuple[Record, Sequence[Point]]
"""A cell with its points in a chart."""


class Cells:
    """:param records: all that are shown together, failed ones too."""

    def __init__(self, records: Sequence[Record]) -> None:
        self._about: dict[int, dict[str, str]] = {}
        self._records = records

    @cached_property
    def ok(self) -> list[Record]:
        """Those that ended well."""
        return [record for record in self._records if record.status is CellStatus.ok]

    def about(self, record: Record) -> dict[str, str]:
        """The configuration and the figures of a cell, in words: one table for all charts."""
        if id(record) not in self._about:
            figures = {c.heading: figure(record, c)[0] for c in _FIGURES if c.metrics[0] in record.metrics}
            self._about[id(record)] = configuration(record) | figures
        return self._about[id(record)]

    def scatter(self, x: Callable[[Record], float], y: Callable[[Record], float]) -> list[Shown]:
        """A point for each cell that has both figures, both positive."""
        pairs = ((record, x(record), y(record)) for record in self.ok)
        return [(r, [Point(a, b, self.about(r))]) for r, a, b in pairs if _positive(a) and _positive(b)]


def configuration(record: Record) -> dict[str, str]:
    """In words."""
    config = record.config
    entries = {
        "task": config["task"],
        "backend": config["backend"],
        "tolerance": "" if config.get("num_steps") is not None else _tolerance(record),
        "steps": config.get("num_steps"),
        "options": _joined(config.get("options", {})),
        "solver": _joined(config.get("solve", {})),
        "type": config.get("dtype"),
        "device": config.get("device"),
        "seed": config.get("seed"),
        "run": config.get("run"),
    }
    return {name: str(entry) for name, entry in entries.items() if entry not in (None, "")}


def metric(name: str) -> Callable[[Record], float]:
    return lambda record: record.metrics.get(name, math.nan)


def _positive(value: float) -> bool:
    return math.isfinite(value) and value > 0


def _tolerance(record: Record) -> str:
    rtol, atol = record.config.get("rtol"), record.config.get("atol")
    return accuracy(record) if rtol == atol or atol is None else f"{accuracy(record)}, absolute {atol:g}"


def _joined(entries: dict[str, object]) -> str:
    return ", ".join(f"{name}={value}" for name, value in entries.items())

"""How a figure grows: power laws through cells that differ in one thing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from odebench.record import CellStatus, Record


class Growth(NamedTuple):
    """``y = factor · x^exponent`` by least squares of the logarithms, and ``y ≈ … + slope · x`` by least squares.

    :param cells: ``(x, y, record)`` of the cells that it is fitted through.
    """

    task: str
    backend: str
    x: str
    y: str
    exponent: float
    factor: float
    slope: float
    cells: Sequence[tuple[float, float, Record]]

    @property
    def points(self) -> int:
        """How many cells it is fitted through."""
        return len(self.cells)


def fits(records: Sequence[Record], wanted: Sequence[dict[str, str]]) -> list[Growth]:
    """The fits that a suite wants (:class:`odebench.suite.Fit`), of cells that differ in nothing else than ``x``: an
    entry of the configuration, ``option_…``, ``solve_…``, or a metric, which differs by rtol and atol."""
    found = []
    for fit in wanted:
        groups: dict[Any, list[tuple[float, float, Record]]] = {}
        for record in records:
            point = _point(record, fit)
            if point is not None:
                groups.setdefault(_rest(record, fit["x"]), []).append((*point, record))
        for (task, backend, *_), cells in groups.items():
            if len({x for x, _, _ in cells}) >= 3:
                found.append(_fit(task, backend, fit, cells))
    return found


def _point(record: Record, fit: dict[str, str]) -> tuple[float, float] | None:
    from fnmatch import fnmatchcase

    x = (record.metrics | _values(record)).get(fit["x"])
    y = record.metrics.get(fit["y"], math.nan)
    if record.status is not CellStatus.ok or not fnmatchcase(record.config["task"], fit["task"]):
        return None
    if not isinstance(x, int | float) or not math.isfinite(y) or x <= 0 or y <= 0:
        return None
    return float(x), y


def _values(record: Record) -> dict[str, Any]:
    config = {k: v for k, v in record.config.items() if k not in ("options", "solve")}
    tables = {"option": record.config["options"], "solve": record.config.get("solve", {})}
    return config | {f"{table}_{k}": v for table, entries in tables.items() for k, v in entries.items()}


def _rest(record: Record, x: str) -> tuple[Any, ...]:
    values = _values(record)
    swept = (x,) if x in values else ("rtol", "atol")
    rest = {k: repr(v) for k, v in values.items() if k not in (*swept, "seed")}
    return values["task"], values["backend"], *sorted(rest.items())


def _fit(task: str, backend: str, fit: dict[str, str], cells: Sequence[tuple[float, float, Record]]) -> Growth:
    x, y = np.array([(x, y) for x, y, _ in cells]).T
    exponent, constant = np.polyfit(np.log(x), np.log(y), 1)
    slope = float(np.polyfit(x, y, 1)[0])
    return Growth(task, backend, fit["x"], fit["y"], float(exponent), float(np.exp(constant)), slope, cells)

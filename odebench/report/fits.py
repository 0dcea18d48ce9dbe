"""How a figure grows: laws fitted through cells that differ in one thing."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from importlib.util import find_spec
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from odebench.laws import Law, offset_law, power_law
from odebench.record import CellStatus, Record
from odebench.report.labels import backend

LAWS: dict[str, tuple[Callable[..., Law], int]] = {"power": (power_law, 3), "offset": (offset_law, 4)}
"""What a fit may ask for, and of how many values of x at least."""
_WHO = ("backend", "framework", "library", "solver", "gradient")


class Growth(NamedTuple):
    """A law by relative errors, and ``y ≈ … + slope · x`` by least squares.

    :param cells: ``(x, y, record)`` of the cells that it is fitted through.
    """

    task: str
    backend: str
    x: str
    y: str
    law: Law
    slope: float
    cells: Sequence[tuple[float, float, Record]]

    @property
    def name(self) -> str:
        """The backend, and its device where that is not the CPU."""
        return backend(self.cells[0][2])

    @property
    def points(self) -> int:
        """How many cells it is fitted through."""
        return len(self.cells)

    @property
    def span(self) -> tuple[float, float]:
        """The least and the largest x."""
        xs = [x for x, _, _ in self.cells]
        return min(xs), max(xs)

    def problem(self, *without: str) -> tuple[Any, ...]:
        """What is measured, whoever is measured: two fits of one problem can be compared.

        :param without: further entries of the configuration in which they may differ.
        """
        left_out = (*_WHO, *_swept(self.x, self.cells[0][2]), "seed", *without)
        entries = _values(self.cells[0][2]).items()
        rest = ((k, repr(v)) for k, v in entries if k not in left_out and not k.startswith("solve_"))
        return self.x, self.y, *sorted(rest)


def fits(records: Sequence[Record], wanted: Sequence[Mapping[str, Any]]) -> list[Growth]:
    """The fits that a suite wants (:class:`odebench.suite.Fit`), of cells that differ in nothing else than ``x``: an
    entry of the configuration, ``option_…``, ``solve_…``, or a metric, which differs by rtol and atol.

    Those with a constant need scipy, and are left out where it is not installed.
    """
    found = []
    for fit in wanted:
        law, least = LAWS.get(fit.get("law", "power"), LAWS["power"])
        if law is offset_law and find_spec("scipy") is None:
            continue
        of_task = [record for record in records if fnmatchcase(record.config["task"], fit["task"])]
        for of_x, of_y in product(_names(fit["x"]), _names(fit["y"])):
            for (task, who, *_), cells in _groups(of_task, of_x, of_y).items():
                if len({x for x, _, _ in cells}) >= least:
                    x, y = np.array([(x, y) for x, y, _ in cells]).T
                    slope = float(np.polyfit(x, y, 1)[0])
                    found.append(Growth(task, who, of_x, of_y, law(x, y), slope, cells))
    return found


def _names(one_or_several: str | Sequence[str]) -> Sequence[str]:
    return [one_or_several] if isinstance(one_or_several, str) else one_or_several


def _groups(records: Sequence[Record], of_x: str, of_y: str) -> dict[Any, list[tuple[float, float, Record]]]:
    groups: dict[Any, list[tuple[float, float, Record]]] = {}
    for record in records:
        point = _point(record, of_x, of_y)
        if point is not None:
            groups.setdefault(_rest(record, of_x), []).append((*point, record))
    return groups


def _point(record: Record, of_x: str, of_y: str) -> tuple[float, float] | None:
    x = (record.metrics | _values(record)).get(of_x)
    y = record.metrics.get(of_y, math.nan)
    if record.status is not CellStatus.ok:
        return None
    if not isinstance(x, int | float) or not math.isfinite(y) or x <= 0 or y <= 0:
        return None
    return float(x), y


def _values(record: Record) -> dict[str, Any]:
    config = {k: v for k, v in record.config.items() if k not in ("options", "solve")}
    tables = {"option": record.config["options"], "solve": record.config.get("solve", {})}
    return config | {f"{table}_{k}": v for table, entries in tables.items() for k, v in entries.items()}


def _swept(x: str, record: Record) -> tuple[str, ...]:
    """What of the configuration differs along x: a metric, and rtol itself, differ by both tolerances."""
    return (x,) if x in _values(record) and x not in ("rtol", "atol") else ("rtol", "atol")


def _rest(record: Record, x: str) -> tuple[Any, ...]:
    values = _values(record)
    rest = {k: repr(v) for k, v in values.items() if k not in (*_swept(x, record), "seed")}
    return values["task"], values["backend"], *sorted(rest.items())

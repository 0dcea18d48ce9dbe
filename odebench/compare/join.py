"""The cells of two sides, joined by the hash of their configuration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from odebench.compare.sides import Cell, Side


@dataclass(frozen=True)
class Pair:
    """A cell that both sides have."""

    a: Cell
    b: Cell

    @cached_property
    def other_task(self) -> str:
        """Why it is another task by the same name; empty where it is the same, or where nobody knows."""
        task = self.a.record.config["task"]
        a, b = (cell.run.tasks.get(task, "") for cell in (self.a, self.b))
        return f"other version of the task ({a}, {b})" if a and b and a != b else ""

    @property
    def runs(self) -> tuple[str, str]:
        return self.a.run.origin, self.b.run.origin

    @property
    def rivals(self) -> tuple[str, ...]:
        """What names the cells that are timed in turns with it."""
        config = self.b.record.config
        keys = ("suite", "task", "device", "dtype", "rtol", "atol", "seed", "options")
        return tuple(repr(config.get(key)) for key in keys)


@dataclass(frozen=True)
class Joined:
    """Every cell of two sides once.

    :param pairs: in B's order.
    :param added: cells that only B has.
    :param gone: cells that only A has.
    """

    pairs: Sequence[Pair]
    added: Sequence[Cell]
    gone: Sequence[Cell]


def join(a: Side, b: Side) -> Joined:
    """Of a cell that several runs of a side have, two of one preset are taken, and the newest of several."""
    old, new = a.cells(), b.cells()
    pairs = [_pair(old[name], cells) for name, cells in new.items() if name in old]
    added = [cells[0] for name, cells in new.items() if name not in old]
    gone = [cells[0] for name, cells in old.items() if name not in new]
    return Joined(pairs, added, gone)


def _pair(old: Sequence[Cell], new: Sequence[Cell]) -> Pair:
    pairs = [Pair(a, b) for a in old for b in new]
    return min(pairs, key=lambda pair: pair.a.run.place != pair.b.run.place)

"""A cell: a pure function's argument. It is sent to workers, so nothing is imported here that they do without."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from odebench.suite import Pass

_BESIDE = ("row", "skip", "unlike", "measure")


@dataclass(frozen=True, eq=False)
class Cell:
    """One point of a suite's matrix. ``config`` is what its numbers depend on, and ``hash`` names it.

    :param options: of the task.
    :param solve: of the backend, beside tolerances and numbers of steps.
    :param row: the name that tables show.
    :param skip: why it cannot be run, if it cannot.
    :param unlike: what of the backend cannot be set as its rivals' is.
    :param measure: the passes to make.
    """

    suite: str
    task: str
    backend: str
    framework: str
    library: str
    solver: str
    gradient: str
    device: str
    dtype: str
    rtol: float | None
    atol: float | None
    num_steps: int | None
    seed: int
    options: dict[str, Any]
    solve: dict[str, Any] = field(default_factory=dict)
    row: str = ""
    skip: str = ""
    unlike: str = ""
    measure: tuple[Pass, ...] = ()

    @cached_property
    def config(self) -> dict[str, Any]:
        found = {key: getattr(self, key) for key in self.__dataclass_fields__ if key not in _BESIDE}
        if not self.solve:
            del found["solve"]  # so that a cell without any has the hash that it had before there were such options
        return found

    @cached_property
    def hash(self) -> str:
        """A hash of the canonical configuration: the same on every machine, whatever the order of keys."""
        text = json.dumps(self.config, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def label(self) -> str:
        return f"{self.row} · {self.backend}" + ("" if self.device == "cpu" else f" · {self.device}")

    @property
    def ode(self) -> bool:
        return bool(self.solver)

    @property
    def solve_options(self) -> dict[str, Any]:
        """What the backend is bound with: tolerances, or the number of steps of a solver that is not adaptive."""
        given = {"rtol": self.rtol, "atol": self.atol, "num_steps": self.num_steps}
        return {key: value for key, value in given.items() if value is not None} | self.solve

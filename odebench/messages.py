"""What the process that schedules cells and a worker say to each other, beside names and numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from odebench.cell import Cell


@dataclass(frozen=True)
class WorkerSetup:
    """What a worker needs to know before it imports a framework.

    :param plugins: ``--plugin`` references.
    :param suites: folders of suites whose tasks are measured.
    """

    framework: str
    plugins: tuple[str, ...]
    suites: tuple[Path, ...]
    log: Path


@dataclass(frozen=True)
class MeasureRequest:
    """The passes of one cell that its worker makes alone; timing samples are asked for one by one.

    :param seconds: how long the overhead pass may take, about, and the profile.
    :param count_every: see :class:`odebench.suite.Preset`.
    """

    cell: Cell
    passes: tuple[str, ...]
    reference: Path | None
    checkpoint: Path
    checkpoint_every: int
    seconds: float
    count_every: int | None = None


@dataclass
class Measured:
    """What is known of a cell so far, whatever becomes of the rest.

    :param outputs: a task's arrays: see :class:`odebench.contract.PicturedTask`.
    """

    metrics: dict[str, float] = field(default_factory=dict)
    curve: list[dict[str, float]] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)

    def add(self, part: Measured) -> None:
        self.metrics |= part.metrics
        self.curve += part.curve
        self.outputs |= part.outputs

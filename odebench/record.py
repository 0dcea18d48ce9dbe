"""A record: what became of one cell."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

SCHEMA = 1


class CellStatus(StrEnum):
    """How a cell ended."""

    ok = "ok"
    diverged = "diverged"
    timeout = "timeout"
    oom = "oom"
    error = "error"
    crashed = "crashed"
    skipped = "skipped"

    @property
    def is_failure(self) -> bool:
        """Whether the cell failed in a way that nobody planned for, so that the run exits with 1."""
        return self in (CellStatus.error, CellStatus.crashed)


@dataclass
class Record:
    """One cell's result, whatever became of it.

    :param config: the cell's configuration (:meth:`odebench.cell.Cell.config`).
    :param hash: the configuration's hash.
    :param row: the name that tables show.
    :param reason: why the status is not ``ok``, in one line.
    :param unlike: what of the backend could not be set as its rivals' was.
    :param metrics: name → number; units are in the names (``_s``, ``_bytes``) or none.
    :param samples: name → every timing sample, in seconds.
    :param curve: training curve, a list of ``{"step", "loss"}``.
    :param seconds: wall time of the whole cell.
    """

    config: dict[str, Any]
    hash: str
    row: str
    status: CellStatus = CellStatus.ok
    reason: str = ""
    unlike: str = ""
    metrics: dict[str, float] = field(default_factory=dict)
    samples: dict[str, list[float]] = field(default_factory=dict)
    curve: list[dict[str, float]] = field(default_factory=list)
    started: str = ""
    seconds: float = 0.0
    schema: int = SCHEMA

    def to_dict(self) -> dict[str, Any]:
        """Its fields by name; what they hold is not copied."""
        return dict(vars(self))

    @classmethod
    def from_dict(cls, data: Any) -> Record:
        """What it does not know is left out. :raises ValueError: for what is no record."""
        from odebench.boundary import checked_record

        known = checked_record(data)
        return cls(**{**known, "status": CellStatus(known["status"])})

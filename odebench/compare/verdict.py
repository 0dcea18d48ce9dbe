"""A verdict on one metric of one cell that two runs have measured."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from odebench.compare.metrics import Kind, Metric
from odebench.record import Record


class Verdict(StrEnum):
    """What became of a metric, the worst first."""

    regressed = "regressed"
    improved = "improved"
    incomparable = "not comparable"
    same = "same"


@dataclass(frozen=True)
class Row:
    """One metric of one cell.

    :param record: the cell, as B has it.
    :param place: ``suite/preset`` of the run that B's cell is of.
    :param old: what A measured; NaN for a status, and for what A has not.
    :param reason: why it is not comparable, or what a status says.
    :param low: of the 95 % interval of ``new / old``; NaN where there is none.
    :param drift: what the ratio of a time is held against; 1 elsewhere.
    """

    record: Record
    place: str
    name: str
    metric: Metric
    old: float
    new: float
    verdict: Verdict
    reason: str = ""
    low: float = math.nan
    high: float = math.nan
    drift: float = 1.0

    @property
    def ratio(self) -> float:
        """``new / old``; NaN where it says nothing: a status, a zero on both sides, other signs."""
        old, new = self.old, self.new
        if math.isnan(old) or math.isnan(new) or old == new == 0 or old * new < 0 or math.isinf(old):
            return math.nan
        return math.inf if old == 0 else new / old

    @property
    def excess(self) -> float:
        """How much worse B is, as a part of A: 0.1 for 10 %; infinite for a status and where A has a zero.

        Of a time the smaller of what is seen with and without the drift.
        """
        if self.metric.kind is Kind.status:
            return math.inf if self.verdict is Verdict.regressed else 0.0
        if math.isnan(self.new):
            return math.inf
        worse = (self.old - self.new) * self.metric.better
        if not worse > 0:
            return 0.0
        if self.metric.kind.is_timed and self.old > 0:
            return max(0.0, min(self.ratio, self.ratio / self.drift) - 1)
        return worse / abs(self.old) if self.old and math.isfinite(worse) else math.inf

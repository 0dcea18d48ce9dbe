"""Times of two runs that were not taken in turns: intervals, the machine's drift between them, and what is left."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from odebench.compare.verdict import Verdict

BAND = 0.05
"""Ratios within ±5 % are the same, however narrow their interval."""
FEW = 8
"""Fewer ratios than this tell nothing of a drift."""
FEW_BAND = 1.0
"""The band where the drift is not known: busy machines were seen to take 1.6 times as long for the same."""
SCATTERS = 4.0
"""How many times the scatter of its rivals a cell must stand out from them."""
RESAMPLES = 1000
LEAST, MOST = 1e-15, 1e18
"""What is not between them is no time, and no peak."""


@dataclass(frozen=True)
class Drift:
    """How the machine itself differed while the two runs were made.

    :param ratio: the median of all the ratios of a group.
    :param scatter: robust standard deviation of the logarithm of the ratios about their groups' medians.
    :param count: ratios that it was estimated from.
    """

    ratio: float = 1.0
    scatter: float = 0.0
    count: int = 0

    @property
    def is_known(self) -> bool:
        return self.count >= FEW

    @property
    def band(self) -> float:
        """The logarithm of the ratio beyond which a time is another."""
        if not self.is_known:
            return math.log1p(FEW_BAND)
        return max(math.log1p(BAND), SCATTERS * self.scatter)


@cache
def _ranks(n: int, stream: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """The two middle ranks of ``RESAMPLES`` bootstrap samples of n."""
    drawn = np.random.default_rng([n, stream]).integers(n, size=(RESAMPLES, n))
    drawn.sort(axis=1)
    return drawn[:, (n - 1) // 2], drawn[:, n // 2]


def ratio_interval(old: Sequence[float], new: Sequence[float]) -> tuple[float, float]:
    """The bootstrap's 95 % interval of ``median(new) / median(old)``; with A and B swapped it is the reciprocal.

    Of three to five samples it is about the range of what was seen.
    """
    a, b = np.sort(np.asarray(old, float)), np.sort(np.asarray(new, float))
    first = (len(a), *a) <= (len(b), *b)  # who has which of the two streams must not hang on who is called A
    medians = []
    for samples, stream in ((a, int(not first)), (b, int(first))):
        low, high = _ranks(len(samples), stream)
        medians.append(np.log((samples[low] + samples[high]) / 2))
    ratios = np.sort(medians[1] - medians[0])
    tail = RESAMPLES // 40
    return math.exp(ratios[tail - 1]), math.exp(ratios[-tail])


def drifts(groups: Sequence[Any], ratios: Sequence[float]) -> list[Drift]:
    """The drift that each ratio is held against: its group's where there are enough, else the run's, else none.

    :param groups: of which rivals, taken in turns, each ratio is.
    """
    logs = np.log(np.asarray(ratios, float))
    whole = float(np.median(logs)) if len(logs) >= FEW else 0.0
    members: dict[Any, list[int]] = {}
    for i, group in enumerate(groups):
        members.setdefault(group, []).append(i)
    centre = np.full(len(logs), whole)
    for indices in members.values():
        if len(indices) >= FEW:
            centre[indices] = np.median(logs[indices])
    scatter = 1.4826 * float(np.median(np.abs(logs - centre))) if len(logs) else 0.0
    return [Drift(math.exp(c), scatter, len(logs)) for c in centre]


def judge(low: float, high: float, drift: float, band: float) -> Verdict:
    """Slower or faster only where the whole interval is beyond the band, as it is and relative to the drift.

    :param band: a logarithm, as :attr:`Drift.band`.
    """
    least, most, shift = math.log(low), math.log(high), math.log(drift)
    if min(least, least - shift) > band:
        return Verdict.regressed
    if max(most, most - shift) < -band:
        return Verdict.improved
    return Verdict.same


def judge_lone(old: float, new: float, drift: Drift, factor: float, floor: float) -> Verdict:
    """The same of one value each, of which no interval is known.

    :param factor: by which it must differ at least.
    :param floor: by how much.
    """
    if abs(new - old) <= floor:
        return Verdict.same
    if min(old, new) <= LEAST:
        return Verdict.regressed if new > old else Verdict.improved
    return judge(new / old, new / old, drift.ratio, max(math.log(factor), drift.band))

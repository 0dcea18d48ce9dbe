"""Output times and outputs, checked alike by every solver on PyTorch."""

from __future__ import annotations

import itertools
import math

from torch import Tensor

from odebench.contract import SolveError, Status


def checked_times(ts: Tensor) -> list[float]:
    """The times as Python's numbers.

    :raises ValueError: when ts is not of shape (T,), T ≥ 1, not finite, or not strictly monotone.
    """
    if ts.ndim != 1 or not len(ts):
        raise ValueError(f"ts must be a vector of at least one time, got shape {tuple(ts.shape)}")
    times = [float(t) for t in ts.tolist()]
    for i, t in enumerate(times):
        if not math.isfinite(t):
            raise ValueError(f"ts must be finite, but ts[{i}] = {t}")
    ascending = times[-1] > times[0]
    for i, (before, after) in enumerate(itertools.pairwise(times), start=1):
        if not (before < after if ascending else before > after):
            raise ValueError(f"ts must be strictly monotone, but ts[{i - 1}] = {before} and ts[{i}] = {after}")
    return times


def check_finite(ys: Tensor, times: list[float]) -> None:
    """:raises SolveError: where an output is not finite, with the last time before it."""
    finite = ys.isfinite().all(dim=1).tolist()
    if not all(finite):
        raise SolveError(Status.non_finite, times[max(finite.index(False) - 1, 0)])

"""Output times, checked as the solvers of ``torch`` do; torchode's plugin uses it, too."""

from __future__ import annotations

import itertools

from torch import Tensor


def checked_times(ts: Tensor) -> list[float]:
    """:raises ValueError: when ts is not of shape (T,), T ≥ 1, or not strictly monotone."""
    if ts.ndim != 1 or not len(ts):
        raise ValueError(f"ts must be a vector of at least one time, got shape {tuple(ts.shape)}")
    times = [float(t) for t in ts.tolist()]
    ascending = times[-1] > times[0]
    for i, (before, after) in enumerate(itertools.pairwise(times), start=1):
        if not (before < after if ascending else before > after):
            raise ValueError(f"ts must be strictly monotone, but ts[{i - 1}] = {before} and ts[{i}] = {after}")
    return times

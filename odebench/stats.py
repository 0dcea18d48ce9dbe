"""Statistics of timing samples."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb, inf
from statistics import median, quantiles


def median_interval(samples: Sequence[float], confidence: float = 0.95) -> tuple[float, float]:
    """A distribution-free interval for the median: the narrowest symmetric pair of order statistics that covers it.

    :param samples: at least one.
    :returns: (low, high); the extremes where there are too few samples for the confidence asked for.
    """
    ordered = sorted(samples)
    n = len(ordered)
    outside, k = 0.0, 0
    while k <= (n - 1) // 2:
        outside += 2 * comb(n, k) * 0.5**n
        if outside > 1 - confidence:
            break
        k += 1
    k = max(k - 1, 0)
    return ordered[k], ordered[n - 1 - k]


def relative_half_width(samples: Sequence[float]) -> float:
    """Half of the 95 % interval over the median; infinite where there are too few samples for one."""
    if 0.5 ** (len(samples) - 1) > 0.05:
        return inf
    low, high = median_interval(samples)
    return (high - low) / 2 / median(samples) if high > low else 0.0


def summary(name: str, samples: Sequence[float]) -> dict[str, float]:
    """``name_s`` (median), its interquartile range and its 95 % interval, in seconds."""
    low, high = median_interval(samples)
    q1, _, q3 = quantiles(samples, n=4) if len(samples) > 1 else (samples[0],) * 3
    return {
        f"{name}_s": median(samples),
        f"{name}_iqr_s": q3 - q1,
        f"{name}_low_s": low,
        f"{name}_high_s": high,
        f"{name}_samples": len(samples),
    }

"""The statistics that claims are about: numbers x and y of one length in, one number out.

NaN where there are too few of them, or where a logarithm is asked of what has none.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
import numpy.typing as npt

from odebench.laws import Law, offset_law

Numbers = npt.NDArray[np.float64]


def value(x: Numbers, y: Numbers) -> float:
    """The mean of y."""
    return float(np.mean(y)) if y.size else math.nan


def last(x: Numbers, y: Numbers) -> float:
    """y at the largest x."""
    return float(_by_x(x, y)[1][-1]) if y.size else math.nan


def ratio(x: Numbers, y: Numbers) -> float:
    """The mean of y/x."""
    return float(np.mean(y / x)) if y.size and np.all(x != 0) else math.nan


def slope(x: Numbers, y: Numbers) -> float:
    """The exponent p of y ∝ x^p, by least squares of the logarithms; of three values of x at least."""
    if len(set(x)) < 3 or np.any(x <= 0) or np.any(y <= 0):
        return math.nan
    return linear(np.log(x), np.log(y))


def exponent(x: Numbers, y: Numbers) -> float:
    """The exponent p of y = constant + factor · x^p (:func:`odebench.laws.offset_law`); of four values of x at least,
    and where scipy is installed.

    The only statistic that has an interval of its own: the 95 % interval of the fit, by which a verdict is the more
    careful.
    """
    law = _law(x, y)
    return law.exponent if law else math.nan


def linear(x: Numbers, y: Numbers) -> float:
    """The slope of the straight line through the points, by least squares."""
    if not _varies(x) or not np.all(np.isfinite(y)):
        return math.nan
    deviation = x - x.mean()
    return float(deviation @ (y - y.mean()) / (deviation @ deviation))


def r2(x: Numbers, y: Numbers) -> float:
    """How much of y's variance the straight line explains; of three values of x at least."""
    if len(set(x)) < 3 or not _varies(y):
        return math.nan
    return float(np.corrcoef(x, y)[0, 1] ** 2)


def spearman(x: Numbers, y: Numbers) -> float:
    """The correlation of the ranks; of three values of x at least, 0 where y is the same throughout."""
    if len(set(x)) < 3:
        return math.nan
    if len(set(y)) == 1:
        return 0.0
    from scipy.stats import spearmanr

    return float(spearmanr(x, y).statistic)


def rise(x: Numbers, y: Numbers) -> float:
    """The largest factor by which y rises from one x to the next larger one."""
    if not _varies(x) or np.any(y <= 0):
        return math.nan
    _, means = _by_x(x, y)
    return float(np.max(means[1:] / means[:-1]))


def fall(x: Numbers, y: Numbers) -> float:
    """The largest factor by which y falls from one x to the next larger one."""
    return rise(-x, y)


def growth(x: Numbers, y: Numbers) -> float:
    """y at the largest x over y at the smallest."""
    if not _varies(x) or np.any(y <= 0):
        return math.nan
    _, means = _by_x(x, y)
    return float(means[-1] / means[0])


STATISTICS: dict[str, Callable[[Numbers, Numbers], float]] = {
    f.__name__: f for f in (value, last, ratio, slope, exponent, linear, r2, spearman, rise, fall, growth)
}


def margin(statistic: str, x: Numbers, y: Numbers) -> float:
    """Half of the 95 % interval that a statistic has by itself, of the points of one seed; 0 of all but an exponent."""
    law = _law(x, y) if statistic == "exponent" else None
    return law.margin if law else 0.0


def interval(values: list[float], random: bool) -> tuple[float, float]:
    """Of random values the 95 % t-interval of their mean, all numbers where there are too few; else their range."""
    if not random or len(set(values)) == 1 < len(values) or not all(map(math.isfinite, values)):
        return min(values), max(values)
    if len(values) < 2:
        return -math.inf, math.inf
    from scipy.stats import t

    half = float(t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / math.sqrt(len(values)))
    mean = float(np.mean(values))
    return mean - half, mean + half


def _law(x: Numbers, y: Numbers) -> Law | None:
    if len(set(x)) < 4 or not np.all(np.isfinite(y)) or np.any(x <= 0) or np.any(y <= 0):
        return None
    if find_spec("scipy") is None:
        return None
    return offset_law(x, y)


def _varies(values: Numbers) -> bool:
    return bool(np.all(np.isfinite(values))) and len(set(values)) > 1


def _by_x(x: Numbers, y: Numbers) -> tuple[Numbers, Numbers]:
    """The values of x in order, and the mean of y at each."""
    distinct, index = np.unique(x, return_inverse=True)
    return distinct, np.bincount(index, weights=y) / np.bincount(index)

"""Laws of growth: how a cost follows what it is a cost of.

Both laws are fitted to logarithms, so that a point counts by its relative error, be its figure large or small.
"""

from __future__ import annotations

import math
import warnings
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]
_Fitted = tuple[float, float, float, float, float]
_STEEPEST = 8.0
"""Of the exponents that are looked for beside a constant."""
_NOTHING = 1e-3
"""Of the least figure, below which a constant is none."""
_FLAT = 1.05
"""Between the least and the largest figure, below which nothing grows to speak of."""


class Law(NamedTuple):
    """``y = constant + factor · x^exponent``.

    :param error: standard error of the exponent.
    :param freedom: degrees of freedom that it was estimated with.
    """

    exponent: float
    error: float
    factor: float
    constant: float
    freedom: int

    @property
    def margin(self) -> float:
        """Half of the exponent's 95 % interval, by Student's t."""
        from scipy.stats import t

        return float(t.ppf(0.975, self.freedom) * self.error) if self.error else 0.0


def power_law(x: Numbers, y: Numbers) -> Law:
    """The power law without a constant: a straight line through the logarithms, by least squares.

    :param x: (n,), positive, of three values at least; y likewise.
    """
    log_x, log_y = np.log(x), np.log(y)
    if np.ptp(log_y) == 0:
        return Law(0.0, 0.0, float(y[0]), 0.0, len(x) - 2)
    (exponent, log_factor), covariance = np.polyfit(log_x, log_y, 1, cov=True)
    return Law(float(exponent), math.sqrt(covariance[0, 0]), _exp(log_factor), 0.0, len(x) - 2)


def offset_law(x: Numbers, y: Numbers) -> Law:
    """The power law beside a constant of at least 0: what a call costs in any case bends no exponent.

    Where y does not grow as far as can be told (by the F test of the law against a mere constant, at 5 %), or by less
    than a twentieth in all, a constant and the rest cannot be told apart, and the law is that without one; so it is
    where no constant fits best. The exponent without a constant is no such test: of what begins to grow late a straight
    line fits badly, and cannot be told from a level one. By scipy's ``curve_fit``, whose covariance gives the standard
    error.

    :param x: (n,), positive, of four values at least; y likewise.
    """
    plain = power_law(x, y)
    if plain.exponent == 0 or y.max() < _FLAT * y.min():
        return plain
    sign = math.copysign(1.0, plain.exponent)
    log_x, log_y = np.log(x), np.log(y)
    x_end, y_end = float(log_x[np.argmax(y)]), float(log_y.max())
    least, steep = _exp(float(log_y.min()) - y_end), min(abs(plain.exponent), _STEEPEST)
    best, found = math.inf, plain
    for start in ((0.0, 0.0, steep), (0.5 * least, math.log(0.5), 1.0), (0.99 * least, -1.0, 1.0)):
        fitted = _beside_constant(sign * (log_x - x_end), log_y - y_end, least, start)
        if fitted is not None and fitted[0] < best * (1 - 1e-9):
            best, constant, log_factor, exponent, error = fitted
            factor = _exp(log_factor + y_end - sign * exponent * x_end)
            found = Law(sign * exponent, error, factor, constant * _exp(y_end), len(x) - 3)
    told = found.constant > _NOTHING * y.min() and _grows(best, log_y)
    return found if told else plain


def _grows(left: float, v: Numbers) -> bool:
    """Whether a law of three parameters, that leaves this sum of squares, fits better than a mean by more than chance
    would have it do in one of twenty."""
    from scipy.stats import f

    freedom, level = len(v) - 3, float(np.sum((v - v.mean()) ** 2))
    return (level - left) * freedom > 2 * left * float(f.ppf(0.95, 2, freedom))


def _beside_constant(u: Numbers, v: Numbers, least: float, start: tuple[float, float, float]) -> _Fitted | None:
    """The least sum of squares of ``v - log(c + exp(b + p u))`` that is found from a start (c, b, p), and c, b, p and
    the standard error of p there; None where nothing is.

    :param u: logarithms of x, v: of y; both 0 at the largest y.
    :param least: the largest c that there can be.
    """
    from scipy.optimize import OptimizeWarning, curve_fit

    def logarithm(u: Numbers, c: float, b: float, p: float) -> Numbers:
        return np.log(c + np.exp(b + p * u))

    bounds = ([0.0, -np.inf, 0.0], [least, np.inf, _STEEPEST])
    with warnings.catch_warnings(action="ignore", category=OptimizeWarning), np.errstate(all="ignore"):
        try:
            found, covariance = curve_fit(logarithm, u, v, start, bounds=bounds, x_scale="jac", max_nfev=200)
        except (RuntimeError, ValueError):  # it does not converge from here, or leaves the numbers
            return None
        left = float(np.sum((logarithm(u, *found) - v) ** 2))
    c, b, p = map(float, found)
    return (left, c, b, p, math.sqrt(covariance[2, 2])) if covariance[2, 2] >= 0 else None


def _exp(value: float) -> float:
    """Infinite where it is too large for a number."""
    return math.exp(value) if value < 709 else math.inf

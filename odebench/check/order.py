"""Accuracy: the order on fixed steps, and the error that a tolerance buys."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from odebench.check.outcome import NotApplicable, Outcome, at_most, between
from odebench.check.problems import MATRIX, TIMES, VECTOR
from odebench.check.subject import Subject
from odebench.check.trees import distance
from odebench.contract import PyTree, Solve
from odebench.descriptors import load
from odebench.tableau import ExplicitRungeKutta

_ENDS = TIMES[[0, -1]]
_MANY = TIMES[0] + (TIMES[-1] - TIMES[0]) * np.linspace(0, 1, 14) ** 1.5
_NUMBERS = (3, 6, 12, 24, 48, 96, 192)  # of steps


def order(subject: Subject) -> Outcome:
    """The order at the last time, on fixed steps."""
    slope, note = _slope(lambda n: _error(subject, n), _floor(subject))
    return _claimed(slope, subject.solver.order, note)


def dense_output(subject: Subject) -> Outcome:
    """The error at times that lie anywhere in fixed steps, over that at the last: a dense output of a lower order than
    the method's is worse than its steps."""
    errors = {n: _error(subject, n) for n in _NUMBERS}
    n = max((n for n, error in errors.items() if error > 1e3 * _floor(subject)), default=_NUMBERS[0])
    inside = distance(_fixed(subject, _MANY, n), MATRIX.exact(_MANY))
    return at_most(inside / errors[n], 10, f"error {inside:.1e} against {errors[n]:.1e} with {n} steps")


def embedded_order(subject: Subject) -> Outcome:
    """The order of the embedded weights, run as a method of their own."""
    tableau = subject.tableau
    if tableau is None:
        raise NotApplicable("not given as a tableau")
    if tableau.b_hat is None or not isinstance(tableau, ExplicitRungeKutta):
        raise NotApplicable("no embedded weights" if tableau.b_hat is None else "implicit")
    claimed = tableau.error_order - 1 if tableau.b_hat_order is None else tableau.b_hat_order
    embedded = ExplicitRungeKutta(f"{tableau.name}-embedded", claimed, tableau.c, tableau.a, tableau.b_hat)
    solve: Solve = load(subject.registry.frameworks[subject.solver.framework].engine(embedded))(embedded)

    def error(n: int) -> float:
        arrays = (subject.adapter.asarray(x) for x in (MATRIX.y0, _ENDS, MATRIX.params))
        return distance(subject.adapter.numpy(solve(MATRIX.f, *arrays, num_steps=n)[0]), MATRIX.exact(_ENDS))

    slope, note = _slope(error, _floor(subject))
    return _claimed(slope, claimed, note)


def tolerance(subject: Subject) -> Outcome:
    """The error, as a multiple of the tolerance."""
    errors = _by_tolerance(subject)
    worst = max(error / tol for tol, error in errors.items())
    return at_most(worst, 100, ", ".join(f"{error:.1e} at {tol:.0e}" for tol, error in errors.items()))


def tolerance_slope(subject: Subject) -> Outcome:
    """Whether a tighter tolerance buys as much less error: one that estimates its error by another order does not."""
    errors = _by_tolerance(subject)
    (loose, first), *_, (tight, last) = errors.items()
    slope = math.log(first / last) / math.log(loose / tight) if last > 0 else math.nan
    return between(slope, 0.5, 1.7, f"over {math.log10(loose / tight):.0f} decades")


def _claimed(slope: float, order: int | None, note: str) -> Outcome:
    """Coarse steps may look better than the order for a while, where its error constants are small."""
    if order is None:
        return Outcome("n-a", slope, "", "claims no order")
    return between(slope, order - 0.5, order + 0.8, note)


def _floor(subject: Subject) -> float:
    """Of errors that rounding, or the iteration of an implicit method, has no part in."""
    return 1e-9 if subject.solver.implicit else 1e-12


def _slope(error: Callable[[int], float], floor: float) -> tuple[float, str]:
    """The order between the two largest numbers of steps whose errors are above the floor."""
    errors = {}
    for n in _NUMBERS:
        errors[n] = error(n)
        if not errors[n] > floor:
            break
    above = [(n, e) for n, e in errors.items() if e > floor]
    if len(above) < 2:
        return math.nan, f"error {errors[_NUMBERS[0]]:.1e} with {_NUMBERS[0]} steps"
    (n, e), (m, d) = above[-2:]
    return math.log(e / d) / math.log(m / n), f"error {d:.1e} with {m} steps"


def _error(subject: Subject, n: int) -> float:
    """At the last time, with n fixed steps."""
    return subject.once(("error", n), lambda: distance(_fixed(subject, _ENDS, n), MATRIX.exact(_ENDS)))  # type: ignore[no-any-return]


def _fixed(subject: Subject, ts: NDArray[Any], n: int) -> PyTree:
    return subject.direct(MATRIX, ts, **subject.fixed | {"num_steps": n}).ys


def _by_tolerance(subject: Subject) -> dict[float, float]:
    if not subject.solver.adaptive:
        raise NotApplicable("not adaptive")
    exact, finest = VECTOR.exact(TIMES), subject.tolerance
    apart = 100 if finest < 1e-5 else 10
    tolerances = (apart**2 * finest, apart * finest, finest)
    return {tol: distance(subject.run(VECTOR, rtol=tol, atol=tol).ys, exact) for tol in tolerances}

"""Solves that cannot succeed: they must say so, and why, and never return a number in silence."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from odebench.check.outcome import NotApplicable, Outcome, one_line
from odebench.check.problems import TIMES, VECTOR, Params, Problem
from odebench.check.subject import Subject
from odebench.contract import Array, PyTree, SolveError, Status


def _power(t: Array, y: Array, p: Params) -> Array:
    return p["square"] * y * y - p["fall"] - 0 * y**0.5


def _no_solution(t0: Any, y0: PyTree, t: Any, p: Params) -> PyTree:
    raise AssertionError("it has no solution at the last time")


BLOW_UP = Problem(_power, np.array([1.0, 0.5]), {"square": np.array(1.0), "fall": np.array(0.0)}, _no_solution)
"""``y' = y²``, whose solution ends at t0 + 1."""
TURNS_NAN = Problem(_power, np.array([1.0, 0.5]), {"square": np.array(0.0), "fall": np.array(1.0)}, _no_solution)
"""A line that falls through 0, with a root in f that is NaN from there on."""

_FEW = {"max_steps": 3}


def max_steps(subject: Subject) -> Outcome:
    """Too few steps are allowed."""
    if not subject.takes("max_steps"):
        raise NotApplicable("has no max_steps")
    return _says(subject, VECTOR, TIMES, {Status.max_steps}, **subject.options, **_FEW)


def blow_up(subject: Subject) -> Outcome:
    """The solution ends before the last time."""
    if not subject.solver.adaptive:
        raise NotApplicable("fixed steps may pass over a singularity")
    return _says(subject, BLOW_UP, np.array([0.0, 2.0]), set(Status) - {Status.ok}, **subject.options)


def turns_nan(subject: Subject) -> Outcome:
    """f is NaN beyond some state."""
    return _says(subject, TURNS_NAN, np.array([0.0, 2.0]), set(Status) - {Status.ok}, **subject.options)


def gradient_max_steps(subject: Subject) -> Outcome:
    """The differentiable solve is held to the same, and so is its gradient."""
    if not subject.takes("max_steps"):
        raise NotApplicable("has no max_steps")
    options = subject.options | _FEW
    odeint = subject.odeint(**options)

    def outside() -> PyTree:
        return odeint(VECTOR.f, *(subject.adapter.asarray(x) for x in (VECTOR.y0, TIMES, VECTOR.params)))

    outcome = _raised(subject, outside, {Status.max_steps})
    if outcome.verdict == "fail":
        return outcome
    try:
        gradient = subject.differentiate(VECTOR, **options)
    except SolveError:
        return outcome
    if math.isfinite(gradient.value):
        return Outcome("fail", gradient.value, "NaN", "compiled, the loss is finite")
    return outcome


def _says(
    subject: Subject, problem: Problem, ts: NDArray[Any], expected: Collection[Status], **options: Any
) -> Outcome:
    outcome = _raised(subject, lambda: subject.direct(problem, ts, **options).raw, expected)
    if outcome.verdict == "fail":
        return outcome
    try:
        subject.run(problem, ts, **options)
    except SolveError as error:
        if error.status in expected:
            return outcome
        return Outcome("fail", bound=outcome.bound, note=f"compiled, the status is {error.status.name}")
    return Outcome("fail", bound=outcome.bound, note="compiled, the status is ok")


def _raised(subject: Subject, call: Callable[[], PyTree], expected: Collection[Status]) -> Outcome:
    """A :class:`SolveError` of one of the expected statuses."""
    bound = "SolveError" if len(expected) > 1 else f"SolveError: {next(iter(expected)).name}"
    try:
        ys = subject.adapter.numpy(call())
    except SolveError as error:
        return Outcome("pass" if error.status in expected else "fail", bound=bound, note=one_line(error))
    except Exception as error:
        return Outcome("fail", bound=bound, note=f"raised another error: {one_line(error)}")
    return Outcome("fail", bound=bound, note=f"returned {np.array2string(ys[-1], precision=4)} in silence")

"""Gradients: of everything that a solution depends on, against closed forms, and against the discrete map."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from odebench.check.outcome import NotApplicable, Outcome, at_most
from odebench.check.problems import DICT, TIMES, VECTOR, Problem
from odebench.check.subject import Gradient, Subject
from odebench.check.trees import relative

_PARTS: dict[str, Callable[[dict[str, NDArray[Any]]], NDArray[Any]]] = {
    "y0": lambda found: found["y0[0]"],
    "parameters": lambda found: np.concatenate([found[name].ravel() for name in ("A", "v", "drift")]),
    "t0": lambda found: found["ts"][:1],
    "interior times": lambda found: found["ts"][1:-1],
    "t1": lambda found: found["ts"][-1:],
}


def part(name: str, subject: Subject) -> Outcome:
    """A part of the gradient, against the closed form."""
    choose = _PARTS[name]
    found = _made(subject, times=name not in ("y0", "parameters")).found
    return at_most(relative(choose(found), choose(VECTOR.gradient(TIMES))), subject.slack)


y0, parameters, t0, interior_times, t1 = (partial(part, name) for name in _PARTS)


def _made(subject: Subject, *, times: bool) -> Gradient:
    """One gradient serves all, unless times are what it fails with.

    :raises NotApplicable: for times, of a method that says that it gives no gradient for them.
    """
    if subject.gradient is not None and "ts" in subject.gradient.without:
        if times:
            raise NotApplicable("registered as one without a gradient for ts")
        return subject.gradient_of(VECTOR, times=False)
    try:
        return subject.gradient_of(VECTOR, times=True)
    except Exception:
        if times:
            raise
        return subject.gradient_of(VECTOR, times=False)


def unused(subject: Subject) -> Outcome:
    """A parameter that f does not use."""
    return at_most(float(np.max(np.abs(_made(subject, times=False).found["unused"]))), 0.0)


def backwards(subject: Subject) -> Outcome:
    """All of the gradient that there is, with descending times."""
    times = "ts" in _made(subject, times=False).found
    return _worst(subject, VECTOR, TIMES[::-1].copy(), times)


def dict_state(subject: Subject) -> Outcome:
    """With respect to everything but times, of a state that is a dict."""
    return _worst(subject, DICT, TIMES, times=False)


def float32(subject: Subject) -> Outcome:
    """Of single precision, and kept in it."""
    single = subject.single()
    gradient = _made(single, times=False).found
    for name, value in gradient.items():
        if value.dtype != np.float32:
            return Outcome("fail", bound="dtype kept", note=f"the gradient of {name} is {value.dtype}")
    exact = VECTOR.gradient(TIMES)
    return at_most(relative(gradient["y0[0]"], exact["y0[0]"]), single.slack)


def repeatable(subject: Subject) -> Outcome:
    """The difference of two runs."""
    times = "ts" in _made(subject, times=False).found
    first, second = (subject.differentiate(VECTOR, times=times).found for _ in range(2))
    return at_most(max(float(np.max(np.abs(first[name] - second[name]))) for name in first), 0.0)


def discrete(subject: Subject) -> Outcome:
    """On few fixed steps, along one direction in y0 and the parameters: whether the gradient is that of the map which
    was computed. A method that approximates the continuous gradient is not held to it."""
    options = subject.fixed | {"num_steps": 6}
    found = subject.differentiate(VECTOR, times=False, **options).found
    run = subject.adapter.forward(subject.loss(VECTOR, **options))
    inputs = VECTOR.inputs(TIMES)
    ts = inputs.pop("ts")
    direction = {name: 0.5 + np.sin(1 + np.arange(value.size)).reshape(value.shape) for name, value in inputs.items()}

    def along(h: float) -> float:
        moved = {name: value + h * direction[name] for name, value in inputs.items()}
        _, batch = subject.arguments(VECTOR, ts, times=False)
        return float(subject.adapter.numpy(run(subject.adapter.asarray(moved), batch)))

    h = 1e-3  # a fourth-order difference
    difference = (8 * (along(h / 2) - along(-h / 2)) - (along(h) - along(-h))) / (6 * h)
    slope = sum(float((found[name] * direction[name]).sum()) for name in inputs)
    outcome = at_most(abs(slope - difference) / abs(difference), 1e-8)
    if outcome.verdict == "fail" and outcome.figure < 0.5:
        return outcome._replace(verdict="n-a", note="approximates the continuous gradient")
    return outcome


def _worst(subject: Subject, problem: Problem, ts: NDArray[Any], times: bool) -> Outcome:
    found = subject.differentiate(problem, ts, times=times).found
    exact = problem.gradient(ts)
    errors = {name: relative(value, exact[name]) for name, value in found.items() if name != "unused"}
    worst = max(errors, key=lambda name: errors[name])
    return at_most(errors[worst], subject.slack, f"worst in {worst}")

"""States: their shapes and structures, dtype and device, and that a solve can be repeated."""

from __future__ import annotations

from functools import partial

import numpy as np

from odebench.check.outcome import Outcome, at_most
from odebench.check.problems import DICT, MATRIX, SCALAR, TIMES, TUPLE, VECTOR, Problem
from odebench.check.subject import Solved, Subject
from odebench.check.trees import distance, leaves


def _handled(problem: Problem, subject: Subject) -> Outcome:
    return at_most(distance(subject.run(problem).ys, problem.exact(TIMES)), subject.slack)


scalar = partial(_handled, SCALAR)
vector = partial(_handled, VECTOR)
matrix = partial(_handled, MATRIX)
tuple_ = partial(_handled, TUPLE)
dict_ = partial(_handled, DICT)


def float64(subject: Subject) -> Outcome:
    """dtype and device are kept."""
    solved = subject.run(VECTOR)
    return _kept(subject, solved) or at_most(distance(solved.ys, VECTOR.exact(TIMES)), subject.slack)


def float32(subject: Subject) -> Outcome:
    """dtype and device are kept, and the error is what single precision allows."""
    single = subject.single()
    solved = single.run(VECTOR)
    return _kept(single, solved) or at_most(distance(solved.ys, VECTOR.exact(TIMES)), single.slack)


def _kept(subject: Subject, solved: Solved) -> Outcome | None:
    y0 = subject.adapter.asarray(VECTOR.y0)
    for leaf in leaves(solved.raw):
        for what in ("dtype", "device"):
            before, after = getattr(y0, what, None), getattr(leaf, what, None)
            if before != after:
                return Outcome("fail", bound=f"{what} kept", note=f"y0 is of {before}, ys of {after}")
    return None


def repeatable(subject: Subject) -> Outcome:
    """The difference of two runs."""
    first, second = (subject.run(VECTOR).ys for _ in range(2))
    return at_most(float(np.max(np.abs(first - second))), 0.0)

"""Times: both directions, the end, and the outputs between."""

from __future__ import annotations

import math

import numpy as np

from odebench.check.outcome import NotApplicable, Outcome, at_most
from odebench.check.problems import TIMES, VECTOR
from odebench.check.subject import Subject
from odebench.check.trees import distance

_MANY = TIMES[0] + (TIMES[-1] - TIMES[0]) * np.linspace(0, 1, 19) ** 1.5


def backwards(subject: Subject) -> Outcome:
    """Descending times: from what the last state is, back to y0."""
    ts, y1 = TIMES[::-1].copy(), VECTOR.exact(TIMES)[-1]
    return at_most(distance(subject.run(VECTOR, ts, y1).ys, VECTOR.exact(ts, y1)), subject.slack)


def first_output(subject: Subject) -> Outcome:
    """ys[0] is y0, to the bit."""
    ys = subject.run(VECTOR).ys
    return at_most(float(np.max(np.abs(ys[0] - VECTOR.y0))), 0.0)


def many_outputs(subject: Subject) -> Outcome:
    """The error at many, unequally spaced times."""
    return at_most(distance(subject.run(VECTOR, _MANY).ys, VECTOR.exact(_MANY)), subject.accuracy)


def few_outputs(subject: Subject) -> Outcome:
    """Whether the last state depends on which others are asked for, beyond the accuracy."""
    few, many = subject.run(VECTOR, TIMES[[0, -1]]).ys, subject.run(VECTOR, _MANY).ys
    return at_most(distance(few[-1], many[-1]), 2 * subject.accuracy)


def one_time(subject: Subject) -> Outcome:
    """ts of one time: ys is y0 alone."""
    return at_most(distance(subject.run(VECTOR, TIMES[:1]).ys, VECTOR.y0[None]), 0.0)


def landing(subject: Subject) -> Outcome:
    """A fixed step that does not divide the span: the error at the last time, over that of equal steps."""
    if not subject.takes("step") or not subject.takes("num_steps"):
        raise NotApplicable("takes no fixed step")
    ends = TIMES[[0, -1]]
    exact = VECTOR.exact(ends)
    ragged = distance(subject.run(VECTOR, ends, step=0.17).ys, exact)
    equal = distance(subject.run(VECTOR, ends, num_steps=8).ys, exact)  # of 0.1875
    return at_most(ragged / equal, 3, f"error {ragged:.1e} against {equal:.1e}")


def past_end(subject: Subject) -> Outcome:
    """How far outside of [t0, t1] f is called, as a part of it."""
    counts, _ = subject.counted(VECTOR)
    if not math.isfinite(counts.latest):
        raise NotApplicable(f"the adapter of {subject.solver.framework} does not say at what times f is called")
    first, last = TIMES[[0, -1]]
    beyond = max(counts.latest - last, first - counts.earliest, 0.0) / (last - first)
    note = f"f is called from {counts.earliest:.6g} to {counts.latest:.6g}"
    if (tableau := subject.tableau) is not None and max(tableau.c) > 1:
        return Outcome("n-a", float(beyond), "", f"{note}: a node of the method lies beyond the step")
    return at_most(float(beyond), 1e-9, note)

"""Bad input: an error, whatever its type, and never a number in silence."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from odebench.check.outcome import NotApplicable, Outcome, one_line
from odebench.check.problems import TIMES, VECTOR, Params
from odebench.check.subject import Subject
from odebench.contract import Array, Dynamics


def _decay(t: Array, y: Array, p: Params) -> Array:
    return -0.5 * y


def _shorter(t: Array, y: Array, p: Params) -> Array:
    return -y[:1]


def _complex(t: Array, y: Array, p: Params) -> Array:
    return -0.5j * y


_REAL = np.array([0.8, 0.5])


def _refused(
    f: Dynamics, y0: NDArray[Any], ts: NDArray[Any], subject: Subject, options: dict[str, Any] | None = None
) -> Outcome:
    arrays = (subject.adapter.asarray(x) for x in (y0, ts, VECTOR.params))
    try:
        ys, _ = subject.solve(f, *arrays, **(options or subject.options))
        last = subject.adapter.numpy(ys)[-1]
    except Exception as error:
        return Outcome("pass", bound="an error", note=one_line(error))
    return Outcome(
        "fail", bound="an error", note=f"returned {np.array2string(np.asarray(last), precision=4)} in silence"
    )


repeated_times = partial(_refused, _decay, _REAL, np.array([0.5, 1.0, 1.0, 2.0]))
unordered_times = partial(_refused, _decay, _REAL, np.array([0.5, 1.5, 1.0, 2.0]))
integer_state = partial(_refused, _decay, np.array([3, 5]), TIMES)
complex_state = partial(_refused, _decay, np.array([3 + 1j, 5]), TIMES)
other_shape = partial(_refused, _shorter, _REAL, TIMES)
other_dtype = partial(_refused, _complex, _REAL, TIMES)


def negative_rtol(subject: Subject) -> Outcome:
    if not subject.solver.adaptive:
        raise NotApplicable("not adaptive")
    return _refused(_decay, _REAL, TIMES, subject, {"rtol": -1e-6, "atol": 1e-9})

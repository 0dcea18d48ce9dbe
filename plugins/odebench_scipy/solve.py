"""What SciPy's solvers have in common."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from autograd.tracer import isbox  # type: ignore[import-untyped]

from odebench.contract import Array, Dynamics, PyTree, SolveError, Stats, Status, Unsupported
from odebench.control import DEFAULTS, check_options
from odebench_numpy.layout import Layout
from odebench_scipy.field import Field, Vector, vector_of


class Settings(NamedTuple):
    """Options of a solve; ``atol`` is positive, ``first_step`` at most the whole span, None if it is the solver's."""

    rtol: float
    atol: float
    max_steps: int
    min_step: float
    first_step: float | None


class Solved(NamedTuple):
    """States of shape (T, n), and counts by the library's own account; −1 where it gives none."""

    ys: Array
    nfe: int
    accepted: int
    rejected: int


# In place of atol = 0, with which a component that is 0 would have no scale. Its square is still a normal number.
_LEAST_ATOL = 1e-150

Integrate = Callable[[Field, Vector, Vector, Settings], Solved]


class ScipySolve:
    """The :class:`odebench.contract.Solve` of one of SciPy's solvers.

    :param integrate: ``integrate(field, ts, y0, settings)`` for T ≥ 2 times and a flat y0.
    :param floor: whether the solver has a smallest step.
    """

    def __init__(self, name: str, integrate: Integrate, *, floor: bool = False) -> None:
        self.name, self._integrate, self._floor = name, integrate, floor

    def __call__(
        self,
        f: Dynamics,
        y0: PyTree,
        ts: Array,
        params: PyTree = None,
        *,
        rtol: float = DEFAULTS["rtol"],
        atol: float = DEFAULTS["atol"],
        step: float | None = None,
        num_steps: int | None = None,
        max_steps: int = int(DEFAULTS["max_steps"]),
        min_step: float = DEFAULTS["min_step"],
        first_step: float | None = None,
        norm: Callable[[PyTree], Any] | None = None,
    ) -> tuple[PyTree, Stats]:
        """See :class:`odebench.contract.Solve`. ``next_step`` is 0: SciPy does not say it.

        :raises Unsupported: for fixed steps, an error norm, or a smallest step where the solver has none.
        :raises ValueError: for times that are not strictly monotone, tolerances or steps that make no sense, or
            a dy/dt that has not the shape of y.
        :raises TypeError: for a y0 that is not real and floating-point, or a dy/dt of another dtype.
        :raises SolveError: when the last time is not reached.
        """
        check_options(rtol, atol, step, num_steps, max_steps, min_step, first_step)
        self._refuse(step=step, num_steps=num_steps, norm=norm, min_step=None if self._floor else min_step or None)
        layout = Layout(y0)
        times, y = _checked(ts), vector_of(layout, y0)
        count = len(times)
        if count == 1:
            return layout.outputs(y[None].astype(layout.dtype), (1,)), Stats(0, 0, 0, Status.ok, 0.0)
        span = abs(times[-1] - times[0])
        first = None if first_step is None else min(first_step, span)
        settings = Settings(rtol, atol or _LEAST_ATOL, max_steps, min_step, first)
        field = Field(f, layout, params)
        with field.guard():
            solved = self._integrate(field, times, y, settings)
        if not np.isfinite(solved.ys).all():
            raise SolveError(Status.non_finite, float(times[_last_finite(solved.ys)]))
        stats = Stats(solved.nfe, solved.accepted, solved.rejected, Status.ok, 0.0)
        return layout.outputs(solved.ys.astype(layout.dtype), (count,)), stats

    def _refuse(self, **options: Any) -> None:
        for option, value in options.items():
            if value is not None:
                raise Unsupported(f"scipy/{self.name} has no option {option!r}")


def _checked(ts: Array) -> Vector:
    if isbox(ts):
        raise TypeError("ts is being differentiated: call the odeint of a gradient method, not the solver")
    times = np.array(ts, dtype=np.float64)
    if times.ndim != 1 or not len(times):
        raise ValueError(f"ts must be a vector of at least one time, got shape {times.shape}")
    ascending = times[-1] > times[0]
    for i, (before, after) in enumerate(itertools.pairwise(times.tolist()), start=1):
        if not (before < after if ascending else before > after):
            raise ValueError(f"ts must be strictly monotone, but ts[{i - 1}] = {before} and ts[{i}] = {after}")
    return times


def _last_finite(ys: Array) -> int:
    return max(int(np.argmin(np.isfinite(ys).all(axis=1))) - 1, 0)

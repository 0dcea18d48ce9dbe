"""The engine: a solver of any explicit Runge–Kutta tableau, differentiable where grad is enabled."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

from odebench.contract import Dynamics, PyTree, SolveError, Stats, Status
from odebench.control import DEFAULTS, check_options
from odebench.tableau import ExplicitRungeKutta
from odebench_torch.discrete import solve_differentiably
from odebench_torch.dynamics import bind
from odebench_torch.layout import Layout
from odebench_torch.norms import Tolerance
from odebench_torch.pace import AdaptivePace, FixedPace, Pace
from odebench_torch.scheme import Scheme
from odebench_torch.starting import starting_step
from odebench_torch.stepping import Evaluator, Stepper, march


class RungeKutta:
    """The :class:`odebench.contract.Solve` of a tableau.

    Where grad is enabled, ``ys`` is differentiable once with respect to y0, ts, params and the tensors that f has
    captured: the exact derivative of the steps that were taken, with their sizes as constants. Dynamics that take
    params, or a module, must use what they capture in their first evaluation.

    :param tableau: with an embedded solution it is adaptive, unless called with ``step`` or ``num_steps``.
    """

    def __init__(self, tableau: ExplicitRungeKutta) -> None:
        self.tableau = tableau
        self._scheme = cache(lambda dtype, device: Scheme(tableau, dtype, device))

    def __call__(
        self,
        f: Dynamics,
        y0: PyTree,
        ts: Tensor,
        params: PyTree = None,
        *,
        rtol: float = DEFAULTS["rtol"],
        atol: float = DEFAULTS["atol"],
        step: float | None = None,
        num_steps: int | None = None,
        max_steps: int = int(DEFAULTS["max_steps"]),
        min_step: float = DEFAULTS["min_step"],
        first_step: float | None = None,
        norm: Callable[[PyTree], Tensor | float] | None = None,
    ) -> tuple[PyTree, Stats]:
        """See :class:`odebench.contract.Solve`.

        :raises ValueError: for times that are not strictly monotone, tolerances or steps that make no sense, or
            a dy/dt that has not the shape of y.
        :raises TypeError: for a y0 that is not real and floating-point, or a dy/dt of another dtype.
        :raises SolveError: when the last time is not reached.
        """
        check_options(rtol, atol, step, num_steps, max_steps, min_step, first_step)
        ts = torch.as_tensor(ts)
        times = _checked(ts)
        layout = Layout(y0)
        adaptive = self.tableau.adaptive and step is None and num_steps is None
        tolerance = Tolerance(layout, rtol, atol, norm) if adaptive else None
        y = layout.flat(y0)
        if len(times) == 1:
            return layout.outputs(y[None]), Stats(0, 0, 0, Status.ok, 0.0)
        start = y.detach()
        scheme = self._scheme(layout.dtype, layout.device)

        def integrate(f: Evaluator, t0: Tensor, k0: Tensor) -> tuple[Tensor, Stats]:
            pace: Pace
            if tolerance is None:
                pace = FixedPace(times, step, num_steps, max_steps, dense=scheme.dense is not None)
            else:
                span, order = times[-1] - times[0], self.tableau.error_order
                h = first_step or starting_step(f, times[0], start, k0, span, tolerance, order)
                f.drop(1)
                goals = times[1:] if scheme.dense is None else times[-1:]
                pace = AdaptivePace(times[0], goals, min(h, abs(span)), order, max_steps, min_step)
            ys = start.new_empty((len(times), layout.size))
            ys[0] = start
            accepted, rejected = march(Stepper(scheme, f, t0, start, k0), pace, times, ys, tolerance)
            if tolerance is None:
                _check_finite(ys, times)
            return ys, Stats(f.nfe, accepted, rejected, Status.ok, pace.h)

        ys, stats = solve_differentiably(integrate, bind(f, params), layout, scheme, y, ts)
        return layout.outputs(ys), stats


def _checked(ts: Tensor) -> list[float]:
    if ts.ndim != 1 or not len(ts):
        raise ValueError(f"ts must be a vector of at least one time, got shape {tuple(ts.shape)}")
    times = [float(t) for t in ts.tolist()]
    ascending = times[-1] > times[0]
    for i, (before, after) in enumerate(itertools.pairwise(times), start=1):
        if not (before < after if ascending else before > after):
            raise ValueError(f"ts must be strictly monotone, but ts[{i - 1}] = {before} and ts[{i}] = {after}")
    return times


def _check_finite(ys: Tensor, times: list[float]) -> None:
    finite = ys.isfinite().all(dim=1).tolist()
    if not all(finite):
        raise SolveError(Status.non_finite, times[max(finite.index(False) - 1, 0)])

"""The engine: a solver of any explicit Runge–Kutta tableau, differentiable where grad is enabled."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor

from odebench.contract import Dynamics, PyTree, Stats, Status, Unsupported
from odebench.control import DEFAULTS, check_options
from odebench.tableau import ExplicitRungeKutta
from odebench_torch.checkpoints import Checkpoints, limit_of
from odebench_torch.compiled.solve import solve_compiled
from odebench_torch.compiled.stepper import Method
from odebench_torch.discrete import solve_differentiably
from odebench_torch.dynamics import bind
from odebench_torch.layout import Layout
from odebench_torch.norms import Tolerance
from odebench_torch.pace import AdaptivePace, FixedPace, Pace
from odebench_torch.path import Path, TracingStepper
from odebench_torch.scheme import Scheme
from odebench_torch.starting import starting_step
from odebench_torch.stepping import Evaluator, Steps, march
from odebench_torch.times import check_finite, checked_times


class RungeKutta:
    """The :class:`odebench.contract.ReplayedSolve` and :class:`odebench.contract.DenseSolve` of a tableau.

    Where grad is enabled, ``ys`` is differentiable once with respect to y0, ts, params and the tensors that f has
    captured: the exact derivative of the steps that were taken, with their sizes as constants. Dynamics that take
    params, or a module, must use what they capture in their first evaluation.

    :param tableau: with an embedded solution it is adaptive, unless called with ``step`` or ``num_steps``.
    """

    def __init__(self, tableau: ExplicitRungeKutta) -> None:
        self.tableau = tableau
        self.__name__ = tableau.name
        self._scheme = cache(lambda dtype, device: Scheme(tableau, dtype, device))

    def __call__(
        self,
        f: Dynamics,
        y0: PyTree,
        ts: Tensor,
        params: PyTree = None,
        *,
        checkpoints: Checkpoints | None = None,
        compile: bool = False,  # noqa: A002 - torch's own word
        **options: Any,
    ) -> tuple[PyTree, Stats]:
        """See :class:`odebench.contract.Solve`, where the options are.

        :param checkpoints: None keeps the activations of every step; a number, or ``"all"``, states in their place.
        :param compile: take each step, its error included, by one call of what ``torch.compile`` makes of it and f,
            and reverse it by another. Each is compiled when it is first needed, for a function f
            (or its like: the same lines with the same things captured), the shapes of y and params and a norm, and for
            no number: what changes from solve to solve goes in params or in tensors. f and ``norm`` must be traceable.
        :raises Unsupported: with ``compile``, where f or ``norm`` is not, or f has captured a tensor that requires
            grad.
        :raises ValueError: for times that are not strictly monotone, tolerances, steps or checkpoints that make no
            sense, or a dy/dt that has not the shape of y.
        :raises TypeError: for a y0 that is not real and floating-point, or a dy/dt of another dtype.
        :raises SolveError: when the last time is not reached.
        """
        if checkpoints is not None:
            limit_of(checkpoints)
        ts = torch.as_tensor(ts)
        problem = _Problem(self.tableau, self._scheme, y0, ts, **options)
        layout, y = problem.layout, problem.layout.flat(y0)
        if len(problem.times) == 1:
            return layout.outputs(y[None]), _AT_ONCE
        if compile:
            method = Method(self.tableau, problem.scheme, layout, problem.tolerance)
            ys, stats = solve_compiled(problem.integrate, method, f, params, y, ts, problem.times, checkpoints)
            return layout.outputs(ys), stats
        ys, stats = solve_differentiably(problem.integrate, bind(f, params), layout, problem.scheme, y, ts, checkpoints)
        return layout.outputs(ys), stats

    @torch.no_grad()
    def dense(
        self, f: Dynamics, y0: PyTree, ts: Tensor, params: PyTree = None, **options: Any
    ) -> tuple[PyTree, Stats, Path]:
        """See :class:`odebench.contract.DenseSolve`; errors as of a call.

        :raises Unsupported: with ``compile``: a path is not made of compiled steps.
        """
        if options.pop("compile", False):
            raise Unsupported(f"{self.__name__} has no dense output, nor events, with compile=True: leave that out")
        ts = torch.as_tensor(ts)
        problem = _Problem(self.tableau, self._scheme, y0, ts, **options)
        layout, y, t0 = problem.layout, problem.layout.flat(y0).detach(), problem.times[0]
        if len(problem.times) == 1:
            return layout.outputs(y[None]), _AT_ONCE, Path(layout, [t0, t0 + 1.0], [y[None]])
        evaluator = Evaluator(bind(f, params), layout)
        t, k0 = y.new_tensor(t0), torch.empty_like(y)
        evaluator(t, y, k0)
        stepper = TracingStepper(problem.scheme, evaluator, t0, t, y, k0)
        ys, stats = problem.integrate(stepper)
        return layout.outputs(ys), stats, Path(layout, stepper.times, stepper.pieces)


_AT_ONCE = Stats(0, 0, 0, Status.ok, 0.0)
"""Of a solve that ends where it begins."""


class _Problem:
    """An initial value problem and the options of its solve, checked."""

    def __init__(
        self,
        tableau: ExplicitRungeKutta,
        scheme: Callable[[torch.dtype, torch.device], Scheme],
        y0: PyTree,
        ts: Tensor,
        *,
        rtol: float = DEFAULTS["rtol"],
        atol: float = DEFAULTS["atol"],
        step: float | None = None,
        num_steps: int | None = None,
        max_steps: int = int(DEFAULTS["max_steps"]),
        min_step: float = DEFAULTS["min_step"],
        first_step: float | None = None,
        norm: Callable[[PyTree], Tensor | float] | None = None,
    ) -> None:
        check_options(rtol, atol, step, num_steps, max_steps, min_step, first_step)
        self.times = checked_times(ts)
        self.layout = Layout(y0)
        self.scheme = scheme(self.layout.dtype, self.layout.device)
        adaptive = tableau.adaptive and step is None and num_steps is None
        self.tolerance = Tolerance(self.layout, rtol, atol, norm) if adaptive else None
        self.error_order = tableau.error_order
        self.step, self.num_steps, self.first_step = step, num_steps, first_step
        self.max_steps, self.min_step = max_steps, min_step

    def integrate(self, stepper: Steps) -> tuple[Tensor, Stats]:
        """``(ys, stats)``, ys of shape (T, n), by a stepper at the first time."""
        times, f = self.times, stepper.f
        ys = stepper.y.new_empty((len(times), self.layout.size))
        ys[0] = stepper.y
        pace = self._pace(stepper)
        accepted, rejected = march(stepper, pace, times, ys, self.tolerance)
        if self.tolerance is None:
            check_finite(ys, times)
        return ys, Stats(f.nfe, accepted, rejected, Status.ok, pace.h)

    def _pace(self, stepper: Steps) -> Pace:
        times, f, has_dense = self.times, stepper.f, self.scheme.dense is not None
        if self.tolerance is None:
            return FixedPace(times, self.step, self.num_steps, self.max_steps, dense=has_dense)
        span = times[-1] - times[0]
        h = self.first_step or starting_step(
            f, times[0], stepper.y, stepper.stages[0], span, self.tolerance, self.error_order
        )
        f.drop(1)
        goals = times[-1:] if has_dense else times[1:]
        return AdaptivePace(times[0], goals, min(h, abs(span)), self.error_order, self.max_steps, self.min_step)

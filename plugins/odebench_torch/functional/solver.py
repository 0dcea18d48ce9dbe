"""The solver of such a method: options, results, and the three ways to differentiate or not."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from odebench.contract import Dynamics, PyTree, Stats, Status
from odebench.control import DEFAULTS, check_options
from odebench_torch.checkpoints import Checkpoints, limit_of
from odebench_torch.dynamics import Field, bind
from odebench_torch.functional.evaluation import Evaluation, without_aliases
from odebench_torch.functional.grid import Grid
from odebench_torch.functional.march import AdaptiveControl, Control, FixedControl, Method, Piece, Step, Trial, march
from odebench_torch.functional.replay import replayed
from odebench_torch.layout import Layout
from odebench_torch.norms import Tolerance
from odebench_torch.pace import AdaptivePace, FixedPace
from odebench_torch.starting import starting_step
from odebench_torch.stepping import Evaluator
from odebench_torch.times import check_finite, checked_times


class Problem:
    """An initial value problem and the options of its solve, checked.

    :ivar times: the output times.
    :ivar tolerance: of the error of a step; None where steps are fixed.
    :ivar probes: evaluations of f that the first step size took.
    """

    def __init__(
        self,
        adaptive: bool,
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
        fixed = not adaptive or step is not None or num_steps is not None
        self.tolerance = None if fixed else Tolerance(self.layout, rtol, atol, norm)
        self.step, self.num_steps, self.first_step = step, num_steps, first_step
        self.max_steps, self.min_step = max_steps, min_step
        self.probes = 0

    def fixed_control(self, *, dense: bool) -> FixedControl:
        return FixedControl(FixedPace(self.times, self.step, self.num_steps, self.max_steps, dense=dense))

    def adaptive_control(self, field: Field, y0: Tensor, k0: Tensor, order: int, *, dense: bool) -> AdaptiveControl:
        """:param order: k in ``error estimate = O(h^k)``."""
        times = self.times
        h = self.starting_step(field, y0, k0, order)
        goals = times[-1:] if dense else times[1:]
        return AdaptiveControl(AdaptivePace(times[0], goals, h, order, self.max_steps, self.min_step))

    def starting_step(self, field: Field, y0: Tensor, k0: Tensor, order: int) -> float:
        """``first_step``, or what a further evaluation of f, at k0 = f(ts[0], y0) found, suggests."""
        assert self.tolerance is not None
        span = self.times[-1] - self.times[0]
        probe = Evaluator(field, self.layout)
        h = self.first_step or starting_step(probe, self.times[0], y0, k0, span, self.tolerance, order)
        self.probes = probe.nfe
        return min(h, abs(span))


class Family(Protocol):
    """Makes the method of a problem, and its control where its steps are adaptive."""

    name: str
    adaptive: bool

    def method(self, problem: Problem) -> Method: ...
    def control(self, problem: Problem, field: Field, memory: Tensor) -> Control:
        """:param memory: at the first knot."""


class Solver:
    """The :class:`odebench.contract.ReplayedSolve` and :class:`odebench.contract.DenseSolve` of a family of methods.

    Where grad is enabled, ``ys`` is differentiable with respect to y0, ts, params and the tensors that f has
    captured: the exact derivative of the steps that were taken, with their sizes and orders as constants.
    """

    def __init__(self, family: Family) -> None:
        self.family = family
        self.__name__ = family.name

    def __call__(
        self,
        f: Dynamics,
        y0: PyTree,
        ts: Tensor,
        params: PyTree = None,
        *,
        checkpoints: Checkpoints | None = None,
        **options: Any,
    ) -> tuple[PyTree, Stats]:
        """See :class:`odebench.contract.Solve`, where the options are.

        :param checkpoints: None lets autograd record the steps; a number, or ``"all"``, keeps states in their place.
        :raises ValueError: for times that are not strictly monotone, tolerances, steps or checkpoints that make no
            sense, an empty y0 where a method cannot take one, or a dy/dt that has not the shape of y.
        :raises TypeError: for a y0 that is not real and floating-point, or a dy/dt of another dtype.
        :raises SolveError: when the last time is not reached.
        """
        if checkpoints is not None:
            limit_of(checkpoints)
        ts = torch.as_tensor(ts)
        problem = Problem(self.family.adaptive, y0, ts, **options)
        layout, y = problem.layout, problem.layout.flat(y0)
        if len(problem.times) == 1:
            return layout.outputs(y[None]), _AT_ONCE
        run = _Run(self.family, problem, bind(f, params))
        on_host = ts.to("cpu", torch.float64)
        if checkpoints is None or not torch.is_grad_enabled():
            ys, stats = run(Evaluation(without_aliases(f, params), layout), Grid(on_host), y)
        else:
            ys, stats = replayed(run.integrate, run.method, run.field, layout, y, on_host, checkpoints)
        return layout.outputs(ys), stats

    @torch.no_grad()
    def dense(
        self, f: Dynamics, y0: PyTree, ts: Tensor, params: PyTree = None, **options: Any
    ) -> tuple[PyTree, Stats, Callable[[Tensor | float], PyTree]]:
        """See :class:`odebench.contract.DenseSolve`; errors as of a call."""
        ts = torch.as_tensor(ts)
        problem = Problem(self.family.adaptive, y0, ts, **options)
        layout, y = problem.layout, problem.layout.flat(y0).detach()
        if len(problem.times) == 1:
            return layout.outputs(y[None]), _AT_ONCE, _Path(layout, [*problem.times] * 2, [lambda t: y[None]])
        run, grid = _Run(self.family, problem, bind(f, params)), Grid(ts.to("cpu", torch.float64))
        pieces: list[Piece] = []
        ys, stats = run(run.evaluation(), grid, y, lambda step, trial: pieces.append(trial.piece))
        return layout.outputs(ys), stats, _Path(layout, grid.times, pieces)


_AT_ONCE = Stats(0, 0, 0, Status.ok, 0.0)
"""Of a solve that ends where it begins."""


class _Run:
    """One solve."""

    def __init__(self, family: Family, problem: Problem, field: Field) -> None:
        self.family, self.problem, self.field = family, problem, field
        self.method = family.method(problem)

    def evaluation(self) -> Evaluation:
        return Evaluation(self.field.call, self.problem.layout)

    def __call__(
        self, f: Evaluation, grid: Grid, y: Tensor, keep: Callable[[Step, Trial], None] | None = None
    ) -> tuple[Tensor, Stats]:
        return self.integrate(f, grid, self.method.begin(f, grid, y), keep)

    def integrate(
        self, f: Evaluation, grid: Grid, memory: Tensor, keep: Callable[[Step, Trial], None] | None
    ) -> tuple[Tensor, Stats]:
        """``(ys, stats)``, ys of shape (T, n)."""
        problem, control = self.problem, self._control(memory)
        ys, counts = march(self.method, f, grid, control, memory, keep)
        if problem.tolerance is None:
            check_finite(ys, problem.times)
        return ys, Stats(f.nfe + problem.probes, *counts, Status.ok, control.h)

    @torch.no_grad()
    def _control(self, memory: Tensor) -> Control:
        if self.problem.tolerance is None:
            return self.problem.fixed_control(dense=self.method.interpolates)
        return self.family.control(self.problem, self.field, memory.detach())


class _Path:
    """y as a function of t, step by step."""

    def __init__(self, layout: Layout, times: Sequence[float], pieces: Sequence[Piece]) -> None:
        self.layout, self.pieces = layout, pieces
        self._sign = 1.0 if times[-1] >= times[0] else -1.0
        self._ends = [self._sign * t for t in times[1:-1]]

    @torch.no_grad()
    def __call__(self, t: Tensor | float) -> PyTree:
        """y, a tree like y0."""
        n = bisect.bisect_left(self._ends, self._sign * float(t))
        y = self.pieces[n](torch.tensor([float(t)], dtype=torch.float64))[0]
        return self.layout.tree(self.layout.views(y))

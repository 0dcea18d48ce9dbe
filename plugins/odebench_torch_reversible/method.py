"""The gradient of the reversible Heun method, by going back over its steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from odebench.contract import Dynamics, OdeInt, PyTree, Solve, SolveError, Status, Unsupported
from odebench_torch.dynamics import Field
from odebench_torch.dynamics import bind as bind_dynamics
from odebench_torch.functional.evaluation import Evaluation, Watch
from odebench_torch.functional.grid import Grid
from odebench_torch.functional.march import Step, Trial, march
from odebench_torch.functional.solver import Problem
from odebench_torch.layout import Layout
from odebench_torch.names import name_of
from odebench_torch.vjp import refuse_second_derivative, vjp

from .solver import ReversibleHeun


def bind(solve: Solve, options: dict[str, Any]) -> OdeInt:
    """``odeint`` keeps the last state alone; the gradient is that of the discrete map, but for the rounding of states
    that are computed back. Dynamics that take params, or a module, must use what they capture in their first
    evaluation.

    :param solve: ``reversible_heun``.
    :raises Unsupported: for another.
    """
    family = getattr(solve, "family", None)
    if not isinstance(family, ReversibleHeun):
        raise Unsupported(f"the solver {name_of(solve)} cannot go back over its steps: only reversible_heun can")

    def odeint(f: Dynamics, y0: PyTree, ts: Tensor, params: PyTree = None) -> PyTree:
        ts = torch.as_tensor(ts)
        if not torch.is_grad_enabled() or len(ts) == 1:
            return solve(f, y0, ts, params, **options)[0]
        problem = Problem(family.adaptive, y0, ts, **options)
        field, layout = bind_dynamics(f, params), problem.layout
        y = layout.flat(y0)
        ys, back, captured = _forwards(family, problem, field, y.detach(), ts)
        inputs = (*field.aliases, *captured)
        ys = _ReversibleSolve.apply(ys, back, inputs, y, ts, *field.parameters, *captured)  # type: ignore[no-untyped-call]
        return layout.outputs(ys)

    return odeint


class _Back(NamedTuple):
    """What it takes to go back.

    :param last: (y, ŷ) at the last knot.
    :param landed: the output that each step ends at, if any.
    """

    field: Field
    layout: Layout
    grid: Grid
    landed: Sequence[int | None]
    last: Tensor


@torch.no_grad()
def _forwards(
    family: ReversibleHeun, problem: Problem, field: Field, y0: Tensor, ts: Tensor
) -> tuple[Tensor, _Back, list[Tensor]]:
    """``(ys, back, captured)``."""
    method, grid = family.method(problem), Grid(ts.detach().to("cpu", torch.float64))
    f = Watch(field, problem.layout)
    memory = method.begin(f, grid, y0)
    landed: list[int | None] = []
    last = memory

    def keep(step: Step, trial: Trial) -> None:
        nonlocal last
        last = trial.memory
        landed.append(step.landed)

    fixed = problem.tolerance is None
    control = problem.fixed_control(dense=False) if fixed else family.control(problem, field, memory)
    ys, _ = march(method, f, grid, control, memory, keep)
    if not ys.isfinite().all():
        raise SolveError(Status.non_finite, problem.times[int(ys.isfinite().all(1).sum()) - 1])
    return ys, _Back(field, problem.layout, grid, landed, last[:2].clone()), f.captured


class _ReversibleSolve(torch.autograd.Function):
    """A whole solve as one node of the graph: ``(y0, ts, *parameters) -> ys``."""

    @staticmethod
    def forward(
        ctx: Any, ys: Tensor, back: _Back, inputs: Sequence[Tensor], y0: Tensor, ts: Tensor, *parameters: Tensor
    ) -> Tensor:
        """:param inputs: what stands for the parameters in the graphs of the evaluations."""
        ctx.back, ctx.inputs, ctx.like_ts = back, inputs, (ts.dtype, ts.device)
        ctx.save_for_backward(*parameters)  # so that it is an error to change one before the backward pass
        return ys

    @staticmethod
    def backward(ctx: Any, cotangent: Tensor) -> tuple[Tensor | None, ...]:
        refuse_second_derivative()
        _ = ctx.saved_tensors
        sweep = _Sweep(ctx.back, ctx.inputs, timed=ctx.needs_input_grad[4])
        y0 = sweep.run(cotangent)
        dtype, device = ctx.like_ts
        ts = sweep.ts(len(cotangent)).to(device, dtype) if ctx.needs_input_grad[4] else None
        return None, None, None, y0, ts, *sweep.totals


class _Sweep:
    """The steps in exact reverse: one evaluation of f and one VJP a knot.

    From (y₁, ŷ₁, k₁) come ``ŷ₀ = 2 y₁ - ŷ₁ - h k₁``, ``k₀ = f(t₀, ŷ₀)`` and ``y₀ = y₁ - h/2 (k₀ + k₁)``. With the
    cotangents a of y₁, b of ŷ₁ (what comes through k₁ included) they are ``a + 2 b`` of y₀, ``-b`` of ŷ₀ and
    ``h (a/2 + b)`` of k₀, and that of h is ``a·(k₀ + k₁)/2 + b·k₀``.
    """

    def __init__(self, back: _Back, inputs: Sequence[Tensor], *, timed: bool) -> None:
        self.back, self.inputs, self.timed = back, inputs, timed
        self.f = Evaluation(back.field.call, back.layout)
        self.totals = [torch.zeros_like(x) for x in inputs]
        self._of_knots: dict[int, Tensor] = {}

    def run(self, g: Tensor) -> Tensor:
        """The cotangent of y0, given that of the outputs."""
        grid, landed = self.back.grid, self.back.landed
        y, y_hat = self.back.last.unbind()
        a, b, c = torch.zeros_like(y), torch.zeros_like(y), torch.zeros_like(y)
        knot = _Knot(self, len(landed), y_hat)
        for n in reversed(range(len(landed))):
            h = grid.times[n + 1] - grid.times[n]
            if (output := landed[n]) is not None:
                a = a + g[output]
            b = b + knot.pull(c + 0.5 * h * a)
            y_hat, k1 = 2 * y - y_hat - h * knot.k, knot.k
            knot = _Knot(self, n, y_hat)
            slopes = knot.k + k1
            y = y - 0.5 * h * slopes
            if self.timed:
                of_h = 0.5 * torch.dot(a, slopes) + torch.dot(b, knot.k)
                self.add(n + 1, of_h)
                self.add(n, -of_h)
            a, b, c = a + 2 * b, -b, h * (0.5 * a + b)
        return a + b + knot.pull(c) + g[0]

    def add(self, n: int, share: Tensor) -> None:
        """To the cotangent of a knot."""
        self._of_knots[n] = self._of_knots.get(n, torch.zeros_like(share)) + share

    def ts(self, count: int) -> Tensor:
        """The cotangent of the output times."""
        total = torch.zeros(count, dtype=torch.float64)
        for n, share in self._of_knots.items():
            for j, weight in self.back.grid.ties[n]:
                total[j] += weight * share.item()
        return total


class _Knot:
    """``k = f(t, ŷ)`` at a knot, and its graph."""

    def __init__(self, sweep: _Sweep, n: int, y_hat: Tensor) -> None:
        self.sweep, self.n = sweep, n
        self._y = y_hat.detach().requires_grad_()
        self._t = y_hat.new_tensor(sweep.back.grid.times[n]).requires_grad_(sweep.timed)
        with torch.enable_grad():
            self._k = sweep.f(self._t, self._y)
        self.k = self._k.detach()

    def pull(self, cotangent: Tensor) -> Tensor:
        """The cotangent of ŷ; those of the time and of the parameters are added up."""
        sweep = self.sweep
        if not self._k.requires_grad:
            return torch.zeros_like(cotangent)
        sources = (self._y, *sweep.inputs, *([self._t] if sweep.timed else []))
        of_y, *shares = vjp((self._k,), (cotangent,), sources, False)
        for total, share in zip(sweep.totals, shares, strict=False):
            if share is not None:
                total.add_(share)
        if sweep.timed and shares[-1] is not None:
            sweep.add(self.n, shares[-1])
        return torch.zeros_like(cotangent) if of_y is None else of_y

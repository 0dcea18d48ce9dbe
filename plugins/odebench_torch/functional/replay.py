"""States in place of activations: the steps are taken again, one at a time, in the backward pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from odebench.contract import Stats
from odebench_torch.checkpoints import Checkpoints, Rewind, Thinned, limit_of
from odebench_torch.dynamics import Field
from odebench_torch.functional.evaluation import Evaluation, Watch
from odebench_torch.functional.grid import Grid
from odebench_torch.functional.march import Method, Step, Trial
from odebench_torch.layout import Layout
from odebench_torch.vjp import refuse_second_derivative, vjp

Integrate = Callable[[Evaluation, Grid, Tensor, Callable[[Step, Trial], None]], tuple[Tensor, Stats]]


class _Trace:
    """The steps of a solve, and some of the memories that they began with."""

    def __init__(self, method: Method, field: Field, layout: Layout, checkpoints: Checkpoints) -> None:
        self.method, self.field, self.layout = method, field, layout
        self.limit = limit_of(checkpoints)
        self.kept = Thinned(self.limit)
        self.steps: list[Step] = []

    def keep(self, step: Step, trial: Trial) -> None:
        self.steps.append(step)
        self.kept.add(trial.memory)


def replayed(
    integrate: Integrate,
    method: Method,
    field: Field,
    layout: Layout,
    y0: Tensor,
    ts: Tensor,
    checkpoints: Checkpoints,
) -> tuple[Tensor, Stats]:
    """Integrate without grad, and differentiate by taking the steps again.

    :param integrate: ``(f, grid, memory, keep) -> (ys, stats)``.
    :param ts: output times, float64 on the CPU.
    """
    with torch.no_grad():
        trace = _Trace(method, field, layout, checkpoints)
        f, grid = Watch(field, layout), Grid(ts.detach())
        memory = method.begin(f, grid, y0.detach())
        trace.kept.add(memory)
        ys, stats = integrate(f, grid, memory, trace.keep)
    inputs = (*field.aliases, *f.captured)
    ys = _Replayed.apply(ys, trace, grid, inputs, y0, ts, *field.parameters, *f.captured)
    return ys, stats


class _Replayed(torch.autograd.Function):
    """A whole solve as one node of the graph: ``(y0, ts, *parameters) -> ys``."""

    @staticmethod
    def forward(
        ctx: Any,
        ys: Tensor,
        trace: _Trace,
        grid: Grid,
        inputs: Sequence[Tensor],
        y0: Tensor,
        ts: Tensor,
        *parameters: Tensor,
    ) -> Tensor:
        """:param inputs: what stands for the parameters in the graphs of the steps."""
        # The parameters too, so that it is an error to change one before the backward pass.
        ctx.save_for_backward(y0, *parameters, *trace.kept.states.values())
        ctx.numbers = list(trace.kept.states)
        trace.kept.states = {}  # autograd has them
        ctx.trace, ctx.grid, ctx.inputs = trace, grid, inputs
        return ys

    @staticmethod
    def backward(ctx: Any, cotangent: Tensor) -> tuple[Tensor | None, ...]:
        refuse_second_derivative()
        y0, *saved = ctx.saved_tensors
        states = saved[len(ctx.inputs) :]
        kept = dict(zip(ctx.numbers, states, strict=True))
        sweep = _Sweep(ctx.trace, ctx.grid, ctx.inputs, timed=ctx.needs_input_grad[5])
        start, *rest = sweep.run(kept, y0.detach(), cotangent)
        return None, None, None, None, start, *rest


class _Sweep:
    """The steps in exact reverse."""

    def __init__(self, trace: _Trace, grid: Grid, inputs: Sequence[Tensor], *, timed: bool) -> None:
        self.trace, self.timed = trace, timed
        self.f = Evaluation(trace.field.call, trace.layout)
        with torch.enable_grad():
            self.grid = grid.at(grid.ts.clone().requires_grad_(timed))
        self.constants = (*inputs, *([self.grid.ts] if timed else []))
        self.totals = [torch.zeros_like(x) for x in self.constants]

    def run(self, kept: dict[int, Tensor], y0: Tensor, g: Tensor) -> list[Tensor | None]:
        """The cotangents of y0, ts and the parameters, given that of the outputs."""
        method, steps = self.trace.method, self.trace.steps
        rewind = Rewind(self._advance, kept, self.trace.limit)
        carried: Tensor | None = None
        for n in reversed(range(len(steps))):
            step, memory = steps[n], rewind(n).detach().requires_grad_()
            first, last = step.outputs
            with torch.enable_grad():
                trial = method.step(self.f, self.grid, n, memory, step.note)
                inside = [trial.piece(self.grid.ts[first:last])] if last > first else []
            carried = torch.zeros_like(trial.memory) if carried is None else carried
            if step.landed is not None:
                carried[0] += g[step.landed]
            carried = self._pull([trial.memory, *inside], [carried, g[first:last]], memory)
        start = y0.requires_grad_()
        with torch.enable_grad():
            memory = method.begin(self.f, self.grid, start)
        assert carried is not None
        begun = self._pull([memory], [carried], start) + g[0]
        parameters = len(self.totals) - self.timed
        return [begun, self.totals[-1] if self.timed else None, *self.totals[:parameters]]

    def _advance(self, memory: Tensor, begin: int, end: int) -> Tensor:
        with torch.no_grad():
            for n in range(begin, end):
                memory = self.trace.method.step(self.f, self.grid, n, memory, self.trace.steps[n].note).memory
        return memory

    def _pull(self, outputs: list[Tensor], cotangents: list[Tensor], source: Tensor) -> Tensor:
        """The cotangent of ``source``; those of the constants are added up."""
        pairs = [(y, c) for y, c in zip(outputs, cotangents, strict=False) if y.requires_grad]
        if not pairs:
            return torch.zeros_like(source)
        found = vjp(*zip(*pairs, strict=True), (source, *self.constants), False)
        for total, share in zip(self.totals, found[1:], strict=True):
            if share is not None:
                total.add_(share)
        return torch.zeros_like(source) if found[0] is None else found[0].clone()

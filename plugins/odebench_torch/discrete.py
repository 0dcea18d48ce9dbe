"""The derivative of the discrete map that a solve is: its steps and outputs in exact reverse."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.graph import GradientEdge

from odebench.contract import Stats
from odebench_torch.checkpoints import Checkpoints
from odebench_torch.dynamics import Field
from odebench_torch.layout import Layout
from odebench_torch.pace import Tie
from odebench_torch.replay import StateTape
from odebench_torch.scheme import Scheme
from odebench_torch.stepping import Evaluator, Step, Stepper, evaluator
from odebench_torch.tape import Lookout, Reader, Recorder, Tape
from odebench_torch.vjp import graph_is_kept, refuse_second_derivative, vjp

_FIRST: Tie = ((0, 1.0),)


Integrate = Callable[[Stepper], tuple[Tensor, Stats]]


def solve_differentiably(
    integrate: Integrate,
    field: Field,
    layout: Layout,
    scheme: Scheme,
    y0: Tensor,
    ts: Tensor,
    checkpoints: Checkpoints | None = None,
) -> tuple[Tensor, Stats]:
    """Integrate; where grad is enabled and anything requires it, the result is differentiable.

    Without checkpoints the activations of every step are kept, and where only a tensor that f captures after its first
    evaluation requires grad, the solve is made twice.

    :param integrate: takes a stepper at ts[0] to ``(ys, stats)``; without grad.
    """
    begin = _Beginning(field, layout, scheme, y0.detach(), ts)
    if not torch.is_grad_enabled():
        return integrate(begin.stepper(evaluator(field, layout)))
    required = y0.requires_grad or ts.requires_grad or bool(field.parameters)
    with torch.no_grad():
        make = _record if checkpoints is None else partial(_keep_states, checkpoints)
        ys, stats, tape = make(integrate, begin, required)
    if tape is None:
        return ys, stats
    captured = tape.captured()
    inputs = (*field.aliases, *captured)
    ys = _DiscreteSolve.apply(ys, tape, layout, scheme, inputs, y0, ts, *field.parameters, *captured)
    return ys, stats


class _Beginning(NamedTuple):
    """A problem whose solve is about to begin."""

    field: Field
    layout: Layout
    scheme: Scheme
    start: Tensor
    ts: Tensor

    def first(self, f: Evaluator) -> tuple[Tensor, Tensor]:
        """ts[0] and f there."""
        t0, k0 = self.ts[0].detach().to(self.start), torch.empty_like(self.start)
        f(t0, self.start, k0)
        return t0, k0

    def stepper(self, f: Evaluator) -> Stepper:
        t0, k0 = self.first(f)
        return Stepper(self.scheme, f, t0, self.start, k0)


def _record(integrate: Integrate, begin: _Beginning, required: bool) -> tuple[Tensor, Stats, Tape | None]:
    """Keep the graph of every evaluation; no tape where nothing requires grad."""
    field, layout = begin.field, begin.layout
    recorder = Recorder(field, layout, timed=begin.ts.requires_grad)
    t0, k0 = begin.first(recorder)
    if not (required or recorder.captured()):
        plain = Evaluator(field, layout, recorder.nfe) if field.named else Lookout(field, layout, recorder.nfe)
        ys, stats = integrate(Stepper(begin.scheme, plain, t0, begin.start, k0))
        if not (isinstance(plain, Lookout) and plain.found):
            return ys, stats, None
        recorder.nfe = plain.nfe
    return *integrate(Stepper(begin.scheme, recorder, t0, begin.start, k0)), recorder


def _keep_states(
    checkpoints: Checkpoints, integrate: Integrate, begin: _Beginning, required: bool
) -> tuple[Tensor, Stats, Tape | None]:
    """Keep states; no tape where nothing requires grad."""
    tape = StateTape(begin.field, begin.layout, begin.scheme, checkpoints, timed=begin.ts.requires_grad)
    t0, k0 = begin.first(tape)
    ys, stats = integrate(tape.stepper(begin.ts[0].item(), t0, begin.start, k0))
    return ys, stats, tape if required or tape.captured() else None


class _DiscreteSolve(torch.autograd.Function):
    """A whole solve as one node of the graph: ``(y0, ts, *parameters) -> ys``, y flat.

    What the tape keeps for the dynamics is kept; the sums over stages leave nothing behind.
    """

    @staticmethod
    def forward(
        ctx: Any,
        ys: Tensor,
        tape: Tape,
        layout: Layout,
        scheme: Scheme,
        inputs: Sequence[Tensor],
        y0: Tensor,
        ts: Tensor,
        *parameters: Tensor,
    ) -> Tensor:
        """:param inputs: what stands for the parameters in the recorded graphs."""
        # Saved by autograd, so that states are freed as soon as the backward pass is done, and so that it is an error
        # to change a parameter before.
        ctx.save_for_backward(*parameters, *tape.tensors())
        ctx.layout, ctx.steps, ctx.scheme, ctx.inputs = layout, tape.steps, scheme, inputs
        ctx.read = tape.reader()
        ctx.like_ts = ts.dtype, ts.device
        return ys

    @staticmethod
    def backward(ctx: Any, cotangent: Tensor) -> tuple[Tensor | None, ...]:
        refuse_second_derivative()
        timed = ctx.needs_input_grad[6]
        kept = ctx.saved_tensors[len(ctx.inputs) :]
        pullback = _Pullback(ctx.layout, ctx.read(kept), ctx.inputs, timed=timed)
        sweep = _Sweep(ctx.scheme, pullback)
        y0 = sweep.run(ctx.steps, cotangent)
        dtype, device = ctx.like_ts
        ts = torch.tensor(sweep.ts(len(cotangent)), dtype=dtype, device=device) if timed else None
        if not graph_is_kept():
            ctx.read = None  # with the graphs of a Recorder, which autograd does not free
        return None, None, None, None, None, y0, ts, *pullback.totals


class _Pullback:
    """Pulls cotangents back through recorded evaluations and adds up the parameters' share."""

    def __init__(self, layout: Layout, tape: Reader, inputs: Sequence[Tensor], *, timed: bool) -> None:
        self.layout, self.tape, self.inputs, self.timed = layout, tape, inputs, timed
        self.totals = [torch.zeros_like(p) for p in inputs]

    def k(self, index: int) -> Tensor:
        """What f returned, flat; where t is differentiated."""
        k = self.tape[index].k
        assert k is not None
        return k

    def __call__(self, index: int, cotangent: Tensor, row: Tensor) -> Tensor | None:
        """Write the cotangent of y into ``row`` and return that of t."""
        y, end, t, _ = self.tape[index]
        if end is None:
            row.zero_()
            return None
        leaves = len(y)
        times = () if t is None else (t,)
        found = vjp((GradientEdge(end, 0),), (cotangent,), (*y, *self.inputs, *times), True)
        self.layout.write(found[:leaves], row)
        for total, share in zip(self.totals, found[leaves:], strict=False):
            if share is not None:
                total.add_(share)
        return found[-1] if self.timed else None


class _Sweep:
    """The reverse of the steps.

    With stages ``Y_i = y_n + h Σ_j a_ij k_j`` and ``y_{n+1} = y_n + h Σ_i b_i k_i``, the cotangent of stage i is
    ``k̄_i = h (b_i λ + Σ_j a_ji Ȳ_j)``, where ``Ȳ_j`` is ``k̄_j`` pulled back, and ``λ_n = λ + Σ_i Ȳ_i``. The rows
    of one buffer hold λ and the Ȳ from the last stage to the first, so that each sum is one product.
    """

    def __init__(self, scheme: Scheme, pullback: _Pullback) -> None:
        self.scheme, self.pullback = scheme, pullback
        self.carried: Tensor | None = None
        self.shares: list[tuple[Tensor, tuple[tuple[Tie, float], ...]]] = []

    def run(self, steps: Sequence[Step], g: Tensor) -> Tensor:
        """The cotangent of y0, given that of the outputs."""
        scheme = self.scheme
        rows = g.new_zeros((scheme.stages + 1, g.shape[1]))
        self.rows = rows.unbind()
        self.later = [rows.T[:, : scheme.stages - i] for i in range(scheme.stages)]
        for n in reversed(range(len(steps))):
            self.pullback.tape.begin(n)
            step, begin = steps[n], steps[n - 1].tie if n else _FIRST
            if step.landed is not None:
                rows[0].add_(g[step.landed])
            outputs = g[step.output : step.output + len(step.thetas)]
            self._reverse(n, step, begin, outputs)
            rows[0].copy_(rows[: scheme.stride + 1].sum(0).add_(outputs.sum(0)))
        if self.carried is not None:
            self._pull(0, self.carried, rows[1], ((_FIRST, 1.0),))
            rows[0].add_(rows[1])
        return rows[0].add_(g[0])

    def _reverse(self, n: int, step: Step, begin: Tie, g: Tensor) -> None:
        scheme, h, last = self.scheme, step.h, self.scheme.stages - 1
        dense = scheme.dense_weights(step.thetas).T.mul(h) @ g if step.thetas else None
        if dense is not None and self.pullback.timed:
            self._share_outputs(n, step, begin, g)
        for i in range(last, -1, -1):
            evaluation = n * scheme.stride + i
            if i == last and scheme.fsal and self.carried is None and dense is None:
                continue  # nothing after the last step asks for f at its end
            k = torch.addmv(self.rows[0], self.later[i], scheme.transposed[i], beta=0, alpha=h)
            if self.pullback.timed:
                along = torch.dot(k, self.pullback.k(evaluation))
                self.shares.append((along, ((step.tie, 1.0 / h), (begin, -1.0 / h))))
            if dense is not None:
                k.add_(dense[i])
            if i == last and self.carried is not None:
                k.add_(self.carried)
            if i == 0 and scheme.fsal:  # it is the last stage of the step before
                self.carried = k
                return
            c = scheme.c[i]
            self._pull(evaluation, k, self.rows[last + 1 - i], ((step.tie, c), (begin, 1.0 - c)))

    def _pull(self, evaluation: int, k: Tensor, row: Tensor, ties: tuple[tuple[Tie, float], ...]) -> None:
        time = self.pullback(evaluation, k, row)
        if time is not None:
            self.shares.append((time, ties))

    def _share_outputs(self, n: int, step: Step, begin: Tie, g: Tensor) -> None:
        """The times' part in ``y_n + h Σ_i b_i(θ) k_i`` with ``θ = (ts_j - t_n) / h``."""
        scheme, first = self.scheme, n * self.scheme.stride
        k = torch.stack([self.pullback.k(first + i) for i in range(scheme.stages)])
        values = (scheme.dense_weights(step.thetas) @ k).mul_(g).sum(1).unbind()
        slopes = (scheme.dense_slopes(step.thetas) @ k).mul_(g).sum(1).unbind()
        for j, theta, value, slope in zip(itertools.count(step.output), step.thetas, values, slopes):
            self.shares.append((value, ((step.tie, 1.0), (begin, -1.0))))
            self.shares.append((slope, ((((j, 1.0),), 1.0), (step.tie, -theta), (begin, theta - 1.0))))

    def ts(self, count: int) -> list[float]:
        """The cotangent of the output times."""
        total = [0.0] * count
        values = torch.stack([value for value, _ in self.shares]).tolist() if self.shares else []
        for value, (_, ties) in zip(values, self.shares, strict=True):
            for tie, weight in ties:
                for j, moved in tie:
                    total[j] += value * weight * moved
        return total

"""The derivative of the discrete map that a solve is: its steps and outputs in exact reverse."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from odebench.contract import Stats
from odebench_torch.dynamics import Field
from odebench_torch.layout import Layout
from odebench_torch.pace import Tie
from odebench_torch.scheme import Scheme
from odebench_torch.stepping import Evaluator, Step
from odebench_torch.tape import Lookout, Recorder
from odebench_torch.vjp import refuse_second_derivative, vjp

_FIRST: Tie = ((0, 1.0),)


def solve_differentiably(
    integrate: Callable[[Evaluator, Tensor, Tensor], tuple[Tensor, Stats]],
    field: Field,
    layout: Layout,
    scheme: Scheme,
    y0: Tensor,
    ts: Tensor,
) -> tuple[Tensor, Stats]:
    """Integrate; where grad is enabled and anything requires it, the result is differentiable.

    Where only a tensor that f captures after its first evaluation requires it, the solve is made twice.

    :param integrate: ``(f, t0, f(t0, y0)) -> (ys, stats)``, by the evaluator that it is given; without grad.
    """
    start = y0.detach()
    t0, k0 = ts[0].detach().to(start), torch.empty_like(start)
    if not torch.is_grad_enabled():
        evaluator = Evaluator(field, layout)
        evaluator(t0, start, k0)
        return integrate(evaluator, t0, k0)
    with torch.no_grad():
        recorder = Recorder(field, layout, timed=ts.requires_grad)
        recorder(t0, start, k0)
        if not (y0.requires_grad or ts.requires_grad or field.parameters or recorder.captured()):
            if field.named:
                return integrate(Evaluator(field, layout, recorder.nfe), t0, k0)
            lookout = Lookout(field, layout, recorder.nfe)
            result = integrate(lookout, t0, k0)
            if not lookout.found:
                return result
            recorder.nfe = lookout.nfe
        ys, stats = integrate(recorder, t0, k0)
        captured = recorder.captured()
    inputs = (*field.aliases, *captured)
    ys = _DiscreteSolve.apply(ys, recorder, scheme, inputs, y0, ts, *field.parameters, *captured)
    return ys, stats


class _DiscreteSolve(torch.autograd.Function):
    """A whole solve as one node of the graph: ``(y0, ts, *parameters) -> ys``, y flat.

    What autograd would keep for the dynamics is kept; the sums over stages leave nothing behind.
    """

    @staticmethod
    def forward(
        ctx: Any,
        ys: Tensor,
        recorder: Recorder,
        scheme: Scheme,
        inputs: Sequence[Tensor],
        y0: Tensor,
        ts: Tensor,
        *parameters: Tensor,
    ) -> Tensor:
        """:param inputs: what stands for the parameters in the recorded graphs."""
        # Saved by autograd, so that the graphs are freed as soon as the backward pass is done.
        ctx.save_for_backward(*recorder.tensors())
        ctx.layout, ctx.steps, ctx.scheme, ctx.inputs = recorder.layout, recorder.steps, scheme, inputs
        ctx.like_ts = ts.dtype, ts.device
        return ys

    @staticmethod
    def backward(ctx: Any, cotangent: Tensor) -> tuple[Tensor | None, ...]:
        refuse_second_derivative()
        timed = ctx.needs_input_grad[5]
        pullback = _Pullback(ctx.layout, ctx.saved_tensors, ctx.inputs, timed=timed)
        sweep = _Sweep(ctx.scheme, pullback)
        y0 = sweep.run(ctx.steps, cotangent)
        dtype, device = ctx.like_ts
        ts = torch.tensor(sweep.ts(len(cotangent)), dtype=dtype, device=device) if timed else None
        return None, None, None, None, y0, ts, *pullback.totals


class _Pullback:
    """Pulls cotangents back through recorded evaluations and adds up the parameters' share."""

    def __init__(self, layout: Layout, saved: Sequence[Tensor], inputs: Sequence[Tensor], *, timed: bool) -> None:
        self.layout, self.saved, self.inputs, self.timed = layout, saved, inputs, timed
        self.leaves = len(layout.like)
        self.totals = [torch.zeros_like(p) for p in inputs]

    def k(self, index: int) -> Tensor:
        """What f returned, flat."""
        begin = index * (2 * self.leaves + 1) + 1 + self.leaves
        return torch.cat([k.reshape(-1) for k in self.saved[begin : begin + self.leaves]])

    def __call__(self, index: int, cotangent: Tensor, row: Tensor) -> Tensor | None:
        """Write the cotangent of y into ``row`` and return that of t."""
        leaves = self.leaves
        t, *both = self.saved[index * (2 * leaves + 1) : (index + 1) * (2 * leaves + 1)]
        y, ks = both[:leaves], both[leaves:]
        pairs = [(k, c) for k, c in zip(ks, self.layout.views(cotangent), strict=True) if k.requires_grad]
        if not pairs:
            row.zero_()
            return None
        outputs, cotangents = zip(*pairs, strict=True)
        times = (t,) if self.timed else ()
        found = vjp(outputs, cotangents, (*y, *self.inputs, *times), True)
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

"""The reverse of compiled steps: the same derivative as :mod:`odebench_torch.discrete`'s, a call a step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from odebench_torch.checkpoints import Rewind
from odebench_torch.pace import Tie
from odebench_torch.scheme import Scheme
from odebench_torch.stepping import Step

from .compiler import CompiledSteps


class Taken(NamedTuple):
    """The steps of a solve.

    :param times: the beginnings of the steps, and the end of the last.
    :param k: f at a time and a state, for methods that carry it from step to step.
    """

    compiled: CompiledSteps
    scheme: Scheme
    steps: Sequence[Step]
    times: Sequence[float]
    tensors: Sequence[Tensor]
    k: Callable[[float, Tensor], Tensor]

    def advance(self, y: Tensor, begin: int, end: int) -> Tensor:
        """From the state at the beginning of step ``begin`` to that of step ``end``."""
        forward = self.compiled.forward(dense=False)
        k = self.k(self.times[begin], y) if self.scheme.fsal else None
        for n in range(begin, end):
            control = y.new_tensor((self.times[n + 1], self.steps[n].h, 0.0, 0.0), dtype=torch.float64)
            y, k, *_ = forward(control, y, k, self.tensors)
        return y


class Sweep:
    """From the last step to the first.

    :param states: the state at the beginning of a step, asked for from the last to the first.
    :param timed: whether the output times are to be differentiated.
    :ivar totals: the cotangents of the parameters.
    :ivar times: the cotangent of the output times.
    """

    def __init__(self, taken: Taken, states: Rewind, totals: Sequence[Tensor], *, timed: bool) -> None:
        self.taken, self.states, self.timed = taken, states, timed
        self.totals = totals
        self.shares: list[tuple[Tensor, Tie]] = []

    def run(self, g: Tensor) -> Tensor:
        """The cotangent of y0, given that of the outputs (T, n)."""
        steps, cotangent = self.taken.steps, torch.zeros_like(g[0])
        ends = zip(self.taken.times[1:], (step.h for step in steps), strict=True)
        controls = torch.tensor(list(ends), dtype=torch.float64, device=g.device).unbind()
        for n in range(len(steps) - 1, -1, -1):
            if (landed := steps[n].landed) is not None:
                cotangent = cotangent + g[landed]
            cotangent = self._reverse(n, controls[n], cotangent, g)
        return cotangent + g[0]

    def _reverse(self, n: int, control: Tensor, cotangent: Tensor, g: Tensor) -> Tensor:
        taken, step = self.taken, self.taken.steps[n]
        begin = taken.steps[n - 1].tie if n else ((0, 1.0),)
        dense, of_stages = bool(step.thetas), None
        if dense:
            outputs = g[step.output : step.output + len(step.thetas)]
            of_stages = taken.scheme.dense_weights(step.thetas).T.mul(step.h) @ outputs
        reverse = taken.compiled.reverse(dense=dense, timed=self.timed)
        of_y: Tensor
        of_y, self.totals, of_control, stages = reverse(
            control, self.states(n), cotangent, of_stages, self.totals, taken.tensors
        )
        if self.timed:
            of_end, of_h = of_control.unbind()
            self.shares += [(of_end + of_h, step.tie), (-of_h, begin)]
        if dense:
            of_y = of_y + outputs.sum(0)
            if self.timed:
                self._share_outputs(step, begin, outputs, stages)
        return of_y

    def _share_outputs(self, step: Step, begin: Tie, outputs: Tensor, stages: Tensor) -> None:
        """The times' part in ``y_n + h Σ_i b_i(θ) k_i`` with ``θ = (ts_j - t_n) / h``, beside the stages' own."""
        scheme = self.taken.scheme
        values = (scheme.dense_weights(step.thetas) @ stages).mul_(outputs).sum(1).unbind()
        slopes = (scheme.dense_slopes(step.thetas) @ stages).mul_(outputs).sum(1).unbind()
        for j, (theta, value, slope) in enumerate(zip(step.thetas, values, slopes, strict=True), step.output):
            self.shares += [(value - theta * slope, step.tie), (theta * slope - slope - value, begin)]
            self.shares.append((slope, ((j, 1.0),)))

    def ts(self, count: int) -> list[float]:
        """The cotangent of the output times."""
        total = [0.0] * count
        values = torch.stack([value.double() for value, _ in self.shares]).tolist() if self.shares else []
        for value, (_, tie) in zip(values, self.shares, strict=True):
            for j, moved in tie:
                total[j] += value * moved
        return total

"""Compiled steps, for the loop that all steps are taken by."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from odebench.tableau import ExplicitRungeKutta
from odebench_torch.checkpoints import Thinned
from odebench_torch.dynamics import Field
from odebench_torch.layout import Layout
from odebench_torch.norms import Tolerance
from odebench_torch.scheme import Scheme
from odebench_torch.stepping import Evaluator, Step

from .compiler import CompiledSteps


class Method(NamedTuple):
    """How the steps are made.

    :param tolerance: None where every step is taken.
    """

    tableau: ExplicitRungeKutta
    scheme: Scheme
    layout: Layout
    tolerance: Tolerance | None


class Ledger(Evaluator):
    """What the derivative of a solve is made from: its steps, and states at the beginning of some of them.

    :param limit: how many states may be kept; 0 keeps nothing at all.
    :ivar times: the beginnings of the steps, and the end of the last.
    """

    def __init__(self, field: Field, layout: Layout, t0: float, limit: float, nfe: int) -> None:
        super().__init__(field, layout, nfe)
        self.keeps = limit > 0
        self.states = Thinned(limit)
        self.times = [t0]
        self.steps: list[Step] = []

    def accept(self, step: Step) -> None:
        if self.keeps:
            self.steps.append(step)

    def begin(self, t: float, y: Tensor) -> None:
        """A further step begins at t."""
        if self.keeps:
            self.times.append(t)
            self.states.add(y)


class CompiledStepper:
    """As :class:`odebench_torch.stepping.Stepper`: takes steps from ``y``, each by one call.

    :param k0: f at y.
    :param dense: whether outputs may lie inside of steps.
    """

    def __init__(
        self,
        steps: CompiledSteps,
        method: Method,
        f: Ledger,
        y: Tensor,
        k0: Tensor,
        tensors: Sequence[Tensor],
        *,
        dense: bool,
    ) -> None:
        self.f: Evaluator = f
        self.ledger, self.y, self.scheme, self.tensors = f, y, method.scheme, tensors
        self.stages = k0[None]
        self._forward, self._nfe = steps.forward(dense=dense), self.scheme.stride
        self._k = k0 if self.scheme.fsal else None
        self._tolerances = (method.tolerance.rtol, method.tolerance.atol) if method.tolerance else (0.0, 0.0)
        if f.keeps:
            f.states.add(y)

    def attempt(self, t1: float, h: float) -> Tensor:
        """y at t1, by a step of size h."""
        control = torch.tensor((t1, h, *self._tolerances), dtype=torch.float64, device=self.y.device)
        self._t1 = t1
        self.f.nfe += self._nfe
        y1, self._k1, self._error, self.stages = self._forward(control, self.y, self._k, self.tensors)
        return y1  # type: ignore[no-any-return]

    def ratio(self, h: float, y1: Tensor, tolerance: Tolerance) -> float:
        """The error of the step just made, by the tolerances that it was made with."""
        error = self._error.item()
        return error if math.isfinite(error) else math.inf

    def interpolate(self, h: float, thetas: Sequence[float], out: Tensor) -> None:
        """The dense output of the step just made, before it is accepted."""
        torch.addmm(self.y, self.scheme.dense_weights(thetas), self.stages, alpha=h, out=out)

    def reject(self) -> None:
        """It is as it was before the attempt."""

    def accept(self, y: Tensor) -> None:
        self.y, self._k = y, self._k1
        self.ledger.begin(self._t1, y)

"""A solve by compiled steps that autograd records, each as one node which keeps the activations of its stages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from odebench.contract import Stats, Unsupported
from odebench_torch.dynamics import leaves_of_graph
from odebench_torch.stepping import Steps
from odebench_torch.vjp import refuse_captured, refuse_second_derivative

from .compiler import CompiledSteps
from .function import Function
from .stepper import CompiledStepper, Ledger, Method


def solve_recorded(
    integrate: Callable[[Steps], tuple[Tensor, Stats]],
    steps: CompiledSteps,
    method: Method,
    function: Function,
    ledger: Ledger,
    y0: Tensor,
    times: Sequence[float],
    *,
    dense: bool,
    looks: bool,
) -> tuple[Tensor, Stats]:
    """See :func:`.solve.solve_compiled`.

    :param ledger: one that keeps nothing.
    :param looks: whether to look at what the first evaluation depends on.
    :raises Unsupported: also where the first evaluation changes a parameter or a buffer in place.
    """
    layout, tensors = method.layout, tuple(tensor.contiguous() for tensor in function.tensors)
    # Compiled code is for inputs that require grad or do not: those of a step's end do, so those of the first must.
    y = _required(y0)
    before = [tensor._version for tensor in tensors if not tensor.is_inference()]
    leaves = layout.evaluate(lambda t, y: function.call(t, y, tensors), y.new_tensor(times[0]), y)
    if [tensor._version for tensor in tensors if not tensor.is_inference()] != before:
        raise Unsupported("compile=True: f changes a parameter or buffer in place, as batch normalization in training")
    if looks:
        refuse_captured(leaves, leaves_of_graph((y, *tensors)))
        steps.mark_searched()
    k0 = _required(layout.flat(layout.tree(leaves)).contiguous())
    stepper = RecordedStepper(times, steps, method, ledger, y, k0, tensors, dense=dense)
    with torch.no_grad():
        _, stats = integrate(stepper)
    return _Once.apply(torch.cat([y0[None], *stepper.outputs])), stats


def _required(x: Tensor) -> Tensor:
    return x if x.requires_grad else x.detach().requires_grad_()


class RecordedStepper(CompiledStepper):
    """As its base; called without grad, it takes steps with it.

    :param times: the output times.
    :ivar outputs: y at every output time so far but the first, in order, (·, n) each.
    """

    def __init__(self, times: Sequence[float], *args: Any, dense: bool) -> None:
        super().__init__(*args, dense=dense)
        self._times, self.outputs = frozenset(times), list[Tensor]()

    def attempt(self, t1: float, h: float) -> Tensor:
        with torch.enable_grad():
            return super().attempt(t1, h)

    def interpolate(self, h: float, thetas: Sequence[float], out: Tensor) -> None:
        with torch.enable_grad():
            self.outputs.append(torch.addmm(self.y, self.scheme.dense_weights(thetas), self.stages, alpha=h))
        out.copy_(self.outputs[-1])

    def accept(self, y: Tensor) -> None:
        if self._t1 in self._times:
            with torch.enable_grad():
                self.outputs.append(y[None])
        super().accept(y)


class _Once(torch.autograd.Function):
    """Itself; a second derivative is refused here, where it is said why."""

    @staticmethod
    def forward(ctx: Any, ys: Tensor) -> Tensor:
        return ys.view_as(ys)

    @staticmethod
    def backward(ctx: Any, cotangent: Tensor) -> Tensor:
        refuse_second_derivative()
        return cotangent

"""Central differences of whole solves, in PyTorch: the baseline that knows nothing of f."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import Function

from odebench.contract import Dynamics, OdeInt, PyTree, Solve, Unsupported
from odebench_torch.arguments import Arguments, arguments_of
from odebench_torch.layout import flatten, unflatten
from odebench_torch.vjp import refuse_second_derivative


def bind(solve: Solve, options: dict[str, Any], *, difference_step: float | None = None) -> OdeInt:
    """``odeint`` whose gradient costs two solves for every number of y0, ts and the parameters that requires grad.

    Tensors that require grad must be y0, ts, in ``params`` or parameters of the module that f is.

    :param difference_step: by which a number x is moved, times max(1, abs(x)); the cube root of the resolution of y0's
        dtype when left out. Times are moved by a quarter of the shortest interval at most. An adaptive solver's errors
        differ between the two solves: the gradient is no better than its tolerance over this.
    :raises ValueError: for a step that is not positive and finite.
    :raises Unsupported: when f depends on another tensor that requires grad; at once, with the solver's ``compile``.
    :raises RuntimeError: when a gradient is differentiated.
    """
    if difference_step is not None and not 0 < difference_step < math.inf:
        raise ValueError(f"difference_step must be positive and finite, got {difference_step!r}")
    if options.get("compile"):
        raise Unsupported("finite differences make dynamics of their own in every solve: leave compile=True out")

    def odeint(f: Dynamics, y0: PyTree, ts: Tensor, params: PyTree = None) -> PyTree:
        leaves, structure = flatten(y0)
        arguments = arguments_of(f, params)
        problem = _Problem(arguments, structure, len(leaves), solve, options, difference_step)
        ys = _Differences.apply(problem, ts, *leaves, *arguments.parameters)  # type: ignore[no-untyped-call]
        return unflatten(structure, ys)

    return odeint


class _Problem(NamedTuple):
    """What a solve needs beside the differentiable tensors.

    :param size: how many leaves the state has.
    """

    arguments: Arguments
    structure: Any
    size: int
    solve: Solve
    options: dict[str, Any]
    difference_step: float | None

    def ys(self, ts: Tensor, tensors: Sequence[Tensor]) -> list[Tensor]:
        """The leaves of ys; of y0 and the parameters there are ``tensors``."""
        thetas = tensors[self.size :]
        y0 = unflatten(self.structure, tensors[: self.size])
        ys, _ = self.solve(lambda t, y: self.arguments.checked(t, y, thetas), y0, ts, **self.options)
        return flatten(ys)[0]

    def step(self, dtype: torch.dtype) -> float:
        return self.difference_step or float(torch.finfo(dtype).eps ** (1 / 3))


class _Differences(Function):
    """``(ts, *leaves of y0, *parameters) -> leaves of ys``."""

    @staticmethod
    def forward(ctx: Any, problem: _Problem, ts: Tensor, *tensors: Tensor) -> tuple[Tensor, ...]:
        ctx.problem = problem
        ctx.save_for_backward(ts, *tensors)
        return tuple(problem.ys(ts.detach(), [x.detach() for x in tensors]))

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> tuple[Tensor | None, ...]:
        refuse_second_derivative()
        inputs = [x.detach() for x in ctx.saved_tensors]
        found = [
            _along(ctx.problem, inputs, which, cotangents) if needs else None
            for which, needs in enumerate(ctx.needs_input_grad[1:])
        ]
        return None, *found


def _along(problem: _Problem, inputs: Sequence[Tensor], which: int, g: Sequence[Tensor]) -> Tensor:
    """The cotangent of one input, entry by entry."""
    x, step = inputs[which], problem.step(inputs[1].dtype)
    most = x.diff().abs().min().item() / 4 if which == 0 and len(x) > 1 else math.inf

    def moved(i: int, h: float) -> tuple[float, list[Tensor]]:
        """The entry as it is after rounding, and the solution."""
        other = x.clone(memory_format=torch.contiguous_format)
        other.view(-1)[i] += h
        changed = [*inputs[:which], other, *inputs[which + 1 :]]
        return other.view(-1)[i].item(), problem.ys(changed[0], changed[1:])

    slopes = []
    for i, value in enumerate(x.reshape(-1).tolist()):
        h = min(step * max(1.0, abs(value)), most)
        (low, below), (high, above) = moved(i, -h), moved(i, h)
        rise = sum(((b.double() - a.double()) * c).sum().item() for a, b, c in zip(below, above, g, strict=True))
        slopes.append(rise / (high - low))
    return x.new_tensor(slopes).view_as(x)

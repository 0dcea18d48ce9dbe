"""The continuous adjoint by compiled steps, forwards and backwards."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from odebench.contract import Dynamics, OdeInt, PyTree, Solve, Stats, Unsupported
from odebench_torch.compiled.function import Function, function_of
from odebench_torch.compiled.steps import largest_rms
from odebench_torch.compiled.trees import Tree
from odebench_torch.dynamics import Field, bind
from odebench_torch.layout import flatten, unflatten
from odebench_torch.names import name_of
from odebench_torch.vjp import refuse_second_derivative, vjp

from .backward import Backward, Sweep


@dataclass(frozen=True)
class Leading:
    """:func:`.backward.seminorm_of` as a compiler can trace it, and the same in every solve."""

    count: int

    def __call__(self, state: Sequence[PyTree]) -> Tensor:
        return largest_rms([leaf for part in state[: self.count] for leaf in _leaves(part)])


def _leaves(part: PyTree) -> list[Tensor]:
    if isinstance(part, Tensor):
        return [part]
    return [leaf for branch in (part.values() if isinstance(part, dict) else part) for leaf in _leaves(branch)]


class Augmented:
    """``d/dt (y, a, *θ̄) = (f, -aᵀ ∂f/∂y, -aᵀ ∂f/∂θ)`` as a function of t, that tuple and the parameters' tensors.

    Equal for the same f of the same kind of parameters, so that it is compiled once.

    :param structure: of y.
    """

    def __init__(self, f: Dynamics, function: Function, structure: Any) -> None:
        self.f, self.key = f, (function.key, structure)
        self.call, self.trained, self.tree = function.call, function.trained, Tree(structure)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Augmented) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __call__(self, t: Tensor, state: Sequence[PyTree], tensors: Sequence[Tensor]) -> tuple[PyTree, ...]:
        y, cotangents = self.tree.leaves(state[0]), [-leaf for leaf in self.tree.leaves(state[1])]
        k, of_y, shares = (self._traced if torch.compiler.is_compiling() else self._recorded)(t, y, cotangents, tensors)
        return self.tree.of(k), self.tree.of(of_y), *(share.to(y[0]) for share in shares)

    def _at(self, t: Tensor, y: Sequence[Tensor], trained: Sequence[Tensor], tensors: Sequence[Tensor]) -> list[Tensor]:
        filled = list(tensors)
        for i, tensor in zip(self.trained, trained, strict=True):
            filled[i] = tensor
        return self.tree.leaves(self.call(t, self.tree.of(y), filled))

    def _traced(self, t: Tensor, y: Sequence[Tensor], cotangents: Sequence[Tensor], tensors: Sequence[Tensor]) -> Any:
        trained = [tensors[i] for i in self.trained]
        k, pull = torch.func.vjp(lambda y, trained: self._at(t, y, trained, tensors), y, trained)[:2]
        return k, *pull(cotangents)

    def _recorded(self, t: Tensor, y: Sequence[Tensor], cotangents: Sequence[Tensor], tensors: Sequence[Tensor]) -> Any:
        """The same by autograd, which is quicker where nothing is compiled."""
        y = [leaf.detach().requires_grad_() for leaf in y]
        trained = [tensors[i].detach().requires_grad_() for i in self.trained]
        with torch.enable_grad():
            k = self._at(t, y, trained, tensors)
        pairs = [(k_i, c) for k_i, c in zip(k, cotangents, strict=True) if k_i.requires_grad]
        inputs = (*y, *trained)
        found = vjp(*zip(*pairs, strict=True), inputs, False) if pairs else (None,) * len(inputs)
        filled = [torch.zeros_like(x) if d is None else d for x, d in zip(inputs, found, strict=True)]
        return [k_i.detach() for k_i in k], filled[: len(y)], filled[len(y) :]


@dataclass
class _Bound:
    """:class:`Augmented` of these tensors, as :class:`Sweep` asks for it."""

    augmented: Augmented
    tensors: tuple[Tensor, ...]
    zeros: list[Tensor]

    def __call__(self, t: Tensor, state: tuple[PyTree, ...]) -> tuple[PyTree, ...]:
        return self.augmented(t, state, self.tensors)

    def leading(self, y: PyTree) -> tuple[PyTree, ...]:
        return (y,)


def bind_compiled(solve: Solve, options: dict[str, Any], back: Backward) -> OdeInt:
    """See :func:`.method.bind`; both solves are compiled.

    :raises Unsupported: when f, in its first evaluation, depends on a tensor that requires grad and is not among its
        parameters, or cannot be compiled; at once, when the backward solver has no option ``compile``.
    """
    if "compile" not in inspect.signature(back.solve).parameters:
        raise Unsupported(f"the solver {name_of(back.solve)} cannot compile its steps (it has no option `compile`)")

    def odeint(f: Dynamics, y0: PyTree, ts: Tensor, params: PyTree = None) -> PyTree:
        leaves, structure = flatten(y0)
        function = function_of(f, params)
        # Detached, so that the solve records nothing, and what requires grad in spite of that is seen.
        start = unflatten(structure, [leaf.detach() for leaf in leaves])
        ys, stats = solve(f, start, ts.detach(), _detached(f, params), **options)
        problem = _Problem(f, function, bind(f, params), structure, len(leaves), back, stats.next_step)
        solved: Any = _CompiledAdjoint.apply(problem, ts, *leaves, *function.tensors, *flatten(ys)[0])  # type: ignore[no-untyped-call]
        return unflatten(structure, solved)

    return odeint


def _detached(f: Dynamics, params: PyTree) -> PyTree:
    if params is None and isinstance(f, nn.Module):
        params = {**dict(f.named_parameters()), **dict(f.named_buffers())}
    if params is None:
        return None
    leaves, structure = flatten(params)
    return unflatten(structure, [leaf.detach() if isinstance(leaf, Tensor) else leaf for leaf in leaves])


class _Problem(NamedTuple):
    """What the adjoint needs beside the differentiable tensors.

    :param size: how many leaves the state has.
    :param step: the step size that the forward solve ended with.
    """

    f: Dynamics
    function: Function
    field: Field
    structure: Any
    size: int
    backward: Backward
    step: float


class _CompiledAdjoint(torch.autograd.Function):
    """``(ts, *leaves of y0, *tensors of the parameters) -> leaves of ys``, which are solved for already."""

    @staticmethod
    def forward(ctx: Any, problem: _Problem, ts: Tensor, *tensors: Tensor) -> tuple[Tensor, ...]:
        ys = tensors[-problem.size :]
        ctx.problem = problem
        ctx.save_for_backward(ts, *tensors[problem.size : -problem.size], *ys)
        return ys

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> tuple[Tensor | None, ...]:
        refuse_second_derivative()
        problem: _Problem = ctx.problem
        ts, *saved = ctx.saved_tensors
        ys, function = saved[-problem.size :], problem.function
        tensors = tuple(tensor.detach() for tensor in saved[: -problem.size])
        zeros = [torch.zeros_like(tensors[i], dtype=ys[0].dtype, device=ys[0].device) for i in function.trained]
        bound = _Bound(Augmented(problem.f, function, problem.structure), tensors, zeros)

        def solve(f: Dynamics, y0: PyTree, ts: Tensor, params: PyTree = None, **options: Any) -> tuple[PyTree, Stats]:
            # With the tensors as parameters, so that what is compiled is found again.
            return problem.backward.solve(bound.augmented, y0, ts, bound.tensors, **options)

        back = problem.backward._replace(solve=solve)
        sweep = Sweep(back, bound, problem.field, problem.structure, ts, ys, cotangents, problem.step)
        times = sweep.run(timed=ctx.needs_input_grad[1])
        shares: list[Tensor | None] = [None] * len(tensors)
        for i, share in zip(function.trained, sweep.parameters, strict=True):
            shares[i] = share
        return None, times, *sweep.a, *shares, *(None for _ in ys)

"""A solve by compiled steps, and its derivative by their compiled reverses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from odebench.contract import Dynamics, PyTree, Stats
from odebench_torch.checkpoints import Checkpoints, Rewind, limit_of
from odebench_torch.dynamics import Field, bind
from odebench_torch.layout import Layout
from odebench_torch.stepping import Steps
from odebench_torch.vjp import refuse_captured, refuse_second_derivative

from .compiler import CompiledSteps
from .function import Function, function_of, may_compile
from .recorded import solve_recorded
from .reverse import Sweep, Taken
from .stepper import CompiledStepper, Ledger, Method


def solve_compiled(
    integrate: Callable[[Steps], tuple[Tensor, Stats]],
    method: Method,
    f: Dynamics,
    params: PyTree,
    y0: Tensor,
    ts: Tensor,
    times: list[float],
    checkpoints: Checkpoints | None,
) -> tuple[Tensor, Stats]:
    """Integrate; where grad is enabled and anything requires it, the result is differentiable.

    :param integrate: takes a stepper at ts[0] to ``(ys, stats)``.
    :param checkpoints: how many states are kept for the way back. Where it is None the activations of every step are
        kept, or all states where that cannot be: where ts requires grad, and on a GPU, where a graph has but one place
        for them.
    :raises Unsupported: when f (in its first evaluation) depends on a tensor that requires grad and is not among its
        parameters, or f or a norm cannot be compiled.
    """
    function, field = function_of(f, params), bind(f, params)
    required = torch.is_grad_enabled() and (y0.requires_grad or ts.requires_grad or bool(function.trained))
    compiles = may_compile(f)
    steps = CompiledSteps(method.tableau, method.layout, function, method.tolerance, compiles=compiles)
    # Named parameters are all that f depends on for good, if they are so once.
    looks = torch.is_grad_enabled() and not (steps.searched and field.named)
    dense = method.scheme.dense is not None and len(times) > 2
    if required and checkpoints is None and not ts.requires_grad and steps.may_be_recorded:
        ledger = Ledger(field, method.layout, times[0], 0.0, 1)
        return solve_recorded(
            integrate, steps, method, function, ledger, y0.contiguous(), times, dense=dense, looks=looks
        )
    y = y0.detach().contiguous()
    k0 = _first(field, method.layout, times[0], y, looks=looks)
    if looks:
        steps.mark_searched()
    with torch.no_grad():
        limit = limit_of("all" if checkpoints is None else checkpoints) if required else 0.0
        ledger = Ledger(field, method.layout, times[0], limit, 1)
        stepper = CompiledStepper(steps, method, ledger, y, k0, function.detached(), dense=dense)
        ys, stats = integrate(stepper)
    if required:
        solved = _Solved(method, field, steps, function, ledger, limit)
        ys = _CompiledSolve.apply(ys, solved, y0, ts, *function.tensors)
    return ys, stats


def _first(field: Field, layout: Layout, t0: float, y: Tensor, *, looks: bool = False) -> Tensor:
    """f at y.

    :param looks: whether to look at what it depends on.
    """
    with torch.set_grad_enabled(looks):
        leaves = layout.evaluate(field.call, y.new_tensor(t0), y)
    refuse_captured(leaves, field.aliases)
    return layout.flat(layout.tree([leaf.detach() for leaf in leaves])).contiguous()


class _Solved(NamedTuple):
    """What the derivative of a solve needs beside tensors."""

    method: Method
    field: Field
    compiled: CompiledSteps
    function: Function
    ledger: Ledger
    limit: float


class _CompiledSolve(torch.autograd.Function):
    """A whole solve as one node of the graph: ``(y0, ts, *parameters' tensors) -> ys``, y flat."""

    @staticmethod
    def forward(ctx: Any, ys: Tensor, solved: _Solved, y0: Tensor, ts: Tensor, *tensors: Tensor) -> Tensor:
        states = solved.ledger.states.states
        # By autograd, so that they are freed with the graph, and that it is an error to change a parameter before.
        ctx.save_for_backward(*tensors, *states.values())
        ctx.numbers = list(states)
        solved.ledger.states.states = {}
        ctx.solved, ctx.like_ts = solved, (ts.dtype, ts.device)
        return ys

    @staticmethod
    def backward(ctx: Any, cotangent: Tensor) -> tuple[Tensor | None, ...]:
        refuse_second_derivative()
        solved: _Solved = ctx.solved
        timed, function, ledger = ctx.needs_input_grad[3], solved.function, solved.ledger
        count = len(function.tensors)
        tensors = tuple(tensor.detach().contiguous() for tensor in ctx.saved_tensors[:count])
        taken = Taken(
            solved.compiled,
            solved.method.scheme,
            ledger.steps,
            ledger.times,
            tensors,
            lambda t, y: _first(solved.field, solved.method.layout, t, y),
        )
        states = dict(zip(ctx.numbers, ctx.saved_tensors[count:], strict=True))
        totals = tuple(torch.zeros_like(tensors[i]) for i in function.trained)
        sweep = Sweep(taken, Rewind(taken.advance, states, solved.limit), totals, timed=timed)
        with solved.compiled.autocast:
            of_y = sweep.run(cotangent)
        shares: list[Tensor | None] = [None] * count
        for i, total in zip(function.trained, sweep.totals, strict=True):
            shares[i] = total
        dtype, device = ctx.like_ts
        of_ts = torch.tensor(sweep.ts(len(cotangent)), dtype=dtype, device=device) if timed else None
        return None, None, of_y, of_ts, *shares

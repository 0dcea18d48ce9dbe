"""Differentiate, then discretise: the continuous adjoint (Chen et al. 2018, Algorithm 2)."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd import Function

from odebench.contract import Dynamics, OdeInt, PyTree, Solve
from odebench_torch.dynamics import Field
from odebench_torch.dynamics import bind as bind_dynamics
from odebench_torch.layout import Layout, flatten, unflatten
from odebench_torch.vjp import refuse_second_derivative

from .augmented import Augmented, Lookout, refuse_unrecorded
from .backward import Backward, Norm, Sweep, backward, seminorm_of
from .compiled import Leading, bind_compiled


def bind(
    solve: Solve,
    options: dict[str, Any],
    *,
    adjoint_solver: Solve | None = None,
    adjoint_rtol: float | None = None,
    adjoint_atol: float | None = None,
    adjoint_norm: Norm = None,
    adjoint_step: float | None = None,
    adjoint_num_steps: int | None = None,
) -> OdeInt:
    """``odeint`` solves forwards without recording, and backwards ``(y, a, *parameters' cotangents)``.

    What is not given is the forward solve's, but for the first step size, which is the one that it ended with. y is
    reset to its stored value at every output time. Tensors that require grad must be y0, ts, in ``params`` or
    parameters of the module that f is. With the solver's option ``compile`` both solves are compiled, and a norm must
    be traceable.

    :param adjoint_norm: the error norm of the backward solve, of a tree ``(y, a, *cotangents)``; ``"seminorm"``
        is that of ``(y, a)`` alone (Kidger et al. 2021); by default the largest root mean square of a leaf.
    :param adjoint_num_steps: as ``num_steps``, over all of ts.

    :raises ValueError: for a norm of another name, or both ``adjoint_step`` and ``adjoint_num_steps``.
    :raises Unsupported: when f depends on another tensor that requires grad: in the backward pass, or after the solve
        where no pass could follow.
    """
    compiles = options.get("compile", False)
    back = backward(
        solve,
        options,
        Leading(2) if compiles else seminorm_of(2),
        adjoint_solver=adjoint_solver,
        adjoint_rtol=adjoint_rtol,
        adjoint_atol=adjoint_atol,
        adjoint_norm=adjoint_norm,
        adjoint_step=adjoint_step,
        adjoint_num_steps=adjoint_num_steps,
    )
    if compiles:
        return bind_compiled(solve, options, back)

    def odeint(f: Dynamics, y0: PyTree, ts: Tensor, params: PyTree = None) -> PyTree:
        leaves, structure = flatten(y0)
        named = params is None and isinstance(f, nn.Module)
        lookout = Lookout(f, params) if torch.is_grad_enabled() and not named else None
        problem = _Problem(bind_dynamics(f, params), lookout, structure, len(leaves), solve, options, back)
        ys = _AdjointSolve.apply(problem, ts, *leaves, *problem.field.parameters)  # type: ignore[no-untyped-call]
        refuse_unrecorded(problem.field, structure, ts, ys)
        return unflatten(structure, ys)

    return odeint


class _Problem(NamedTuple):
    """What a solve and its adjoint need beside the differentiable tensors.

    :param lookout: the same f for the forward solve; None where none is kept.
    :param size: how many leaves the state has.
    """

    field: Field
    lookout: Lookout | None
    structure: Any
    size: int
    solve: Solve
    options: dict[str, Any]
    backward: Backward


class _AdjointSolve(Function):
    """``(ts, *leaves of y0, *parameters) -> leaves of ys``."""

    @staticmethod
    def forward(ctx: Any, problem: _Problem, ts: Tensor, *tensors: Tensor) -> tuple[Tensor, ...]:
        y0 = unflatten(problem.structure, [leaf.detach() for leaf in tensors[: problem.size]])
        ys, stats = problem.solve(problem.lookout or problem.field.call, y0, ts.detach(), **problem.options)
        leaves = tuple(flatten(ys)[0])
        ctx.problem, ctx.step = problem, stats.next_step
        # The parameters too, so that it is an error to change one before the backward pass.
        ctx.save_for_backward(ts, *leaves, *tensors[problem.size :])
        return leaves

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> tuple[Tensor | None, ...]:
        refuse_second_derivative()
        problem, (ts, *saved) = ctx.problem, ctx.saved_tensors
        ys = saved[: problem.size]
        layout = Layout(unflatten(problem.structure, [leaf[0] for leaf in ys]))
        wary = problem.lookout is not None and problem.lookout.found
        dynamics = Augmented(problem.field, layout, wary=wary)
        sweep = Sweep(problem.backward, dynamics, problem.field, problem.structure, ts, ys, cotangents, ctx.step)
        times = sweep.run(timed=ctx.needs_input_grad[1])
        return None, times, *sweep.a, *sweep.parameters

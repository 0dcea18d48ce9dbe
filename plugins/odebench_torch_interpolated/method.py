"""The interpolated adjoint: a is solved backwards along the path that the forward solve took.

The adjoint equation is ``da/dt = -aᵀ ∂f/∂y(t, y(t))`` (Pontryagin et al. 1962). With y(t) from dense output (Daulbaev
et al. 2020, "Interpolation technique to speed up gradients propagation in neural ODEs") y is not solved backwards,
which may be unstable where forwards is not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd import Function

from odebench.contract import Dynamics, OdeInt, PyTree, Solve, Unsupported
from odebench_torch.dynamics import Field
from odebench_torch.dynamics import bind as bind_dynamics
from odebench_torch.layout import flatten, unflatten
from odebench_torch.names import name_of
from odebench_torch.vjp import refuse_second_derivative
from odebench_torch_adjoint.augmented import Pullback, refuse_unrecorded
from odebench_torch_adjoint.backward import Backward, Norm, Sweep, backward, seminorm_of

Path = Callable[[Tensor], PyTree]


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
    """``odeint`` keeps the path of the forward solve, and solves backwards ``(a, *parameters' cotangents)``.

    What is not given is the forward solve's. Tensors that require grad must be y0, ts, in ``params`` or parameters of
    the module that f is. The path is kept as long as ``ys`` is. Between steps it is as good as the solver's dense
    output: of a method without one it is made of cubics, and the gradient's error O(h⁴) whatever the method's order.

    :param solve: an :class:`odebench.contract.DenseSolve`.
    :param adjoint_norm: the error norm of the backward solve, of a tree ``(a, *cotangents)``; ``"seminorm"`` is that
        of a alone; by default the largest root mean square of a leaf.
    :param adjoint_num_steps: as ``num_steps``, over all of ts.
    :raises Unsupported: for a solver without dense output.
    :raises ValueError: for a norm of another name, or both ``adjoint_step`` and ``adjoint_num_steps``.
    :raises Unsupported: when f depends on another tensor that requires grad: in the backward pass, or after the solve
        where no pass could follow.
    """
    if not hasattr(solve, "dense"):
        raise Unsupported(f"the solver {name_of(solve)} cannot hand out its path (it has no `dense`): use adjoint")
    back = backward(
        solve,
        options,
        seminorm_of(1),
        adjoint_solver=adjoint_solver,
        adjoint_rtol=adjoint_rtol,
        adjoint_atol=adjoint_atol,
        adjoint_norm=adjoint_norm,
        adjoint_step=adjoint_step,
        adjoint_num_steps=adjoint_num_steps,
    )

    def odeint(f: Dynamics, y0: PyTree, ts: Tensor, params: PyTree = None) -> PyTree:
        if not torch.is_grad_enabled():
            return solve(f, y0, ts, params, **options)[0]
        leaves, structure = flatten(y0)
        problem = _Problem(bind_dynamics(f, params), structure, len(leaves), solve, options, back)
        ys = _InterpolatedSolve.apply(problem, ts, *leaves, *problem.field.parameters)  # type: ignore[no-untyped-call]
        refuse_unrecorded(problem.field, structure, ts, ys)
        return unflatten(structure, ys)

    return odeint


class _Problem(NamedTuple):
    """What a solve and its adjoint need beside the differentiable tensors.

    :param size: how many leaves the state has.
    """

    field: Field
    structure: Any
    size: int
    solve: Any
    options: dict[str, Any]
    backward: Backward


class _InterpolatedSolve(Function):
    """``(ts, *leaves of y0, *parameters) -> leaves of ys``."""

    @staticmethod
    def forward(ctx: Any, problem: _Problem, ts: Tensor, *tensors: Tensor) -> tuple[Tensor, ...]:
        y0 = unflatten(problem.structure, [leaf.detach() for leaf in tensors[: problem.size]])
        ys, stats, ctx.path = problem.solve.dense(problem.field.call, y0, ts.detach(), **problem.options)
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
        wary = not isinstance(problem.field.call, nn.Module)
        dynamics = _Along(ctx.path, Pullback(problem.field, problem.structure, ys[0], wary=wary))
        sweep = Sweep(problem.backward, dynamics, problem.field, problem.structure, ts, ys, cotangents, ctx.step)
        times = sweep.run(timed=ctx.needs_input_grad[1])
        return None, times, *sweep.a, *sweep.parameters


class _Along:
    """``d/dt (a, *θ̄) = (-aᵀ ∂f/∂y, -aᵀ ∂f/∂θ)`` along a path."""

    def __init__(self, path: Path, pullback: Pullback) -> None:
        self.path, self.pullback = path, pullback
        self.zeros = pullback.zeros

    def __call__(self, t: Tensor, state: tuple[PyTree, ...]) -> tuple[PyTree, ...]:
        of_y, shares = self.pullback(t, self.path(t), state[0])
        return of_y, *shares

    def leading(self, y: PyTree) -> tuple[PyTree, ...]:
        return ()

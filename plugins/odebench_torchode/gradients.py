"""torchode's gradients: see :class:`odebench.contract.BindGradient`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torchode  # type: ignore[import-untyped]
from torch import Tensor

from odebench.contract import Dynamics, OdeInt, PyTree, Solve, Unsupported
from odebench_torchode.loops import Joint, solution


def autodiff(solve: Solve, options: dict[str, Any]) -> OdeInt:
    """``AutoDiffAdjoint``, through the operations of the solver; the step sizes are constants, which they are not by
    torchode's default."""
    return _bind(solve, options)


def backsolve(solve: Solve, options: dict[str, Any]) -> OdeInt:
    """``BacksolveAdjoint``, with the forward solve's tolerances: vmap of the VJP over the batch of one."""
    return _bind(solve, options, integrate=_backsolve)


def joint_backsolve(solve: Solve, options: dict[str, Any]) -> OdeInt:
    """``JointBacksolveAdjoint``, with the forward solve's tolerances."""
    return _bind(solve, options, integrate=_joint_backsolve)


def _bind(solve: Any, options: dict[str, Any], **own: Any) -> OdeInt:
    def odeint(f: Dynamics, y0: PyTree, ts: Tensor, params: PyTree = None) -> PyTree:
        return solve(f, y0, ts, params, **options, **own)[0]

    return odeint


def _backsolve(joint: Joint, y: Tensor, ts: Tensor, dt0: Tensor | None) -> tuple[Tensor, Any]:
    outer, inner = joint.adopt()
    term = torchode.ODETerm(joint)
    adjoint = torchode.BacksolveAdjoint(term, joint.loop.make(term), joint.loop.forward)
    adjoint.forward_adjoint = joint.loop.checked(term)
    adjoint.backward_adjoint = joint.loop.checked(adjoint.augmented_term, backward=True)
    return _detached(adjoint, y, ts, dt0, outer, inner)


def _joint_backsolve(joint: Joint, y: Tensor, ts: Tensor, dt0: Tensor | None) -> tuple[Tensor, Any]:
    outer, inner = joint.adopt()
    term = torchode.ODETerm(joint)
    adjoint = torchode.JointBacksolveAdjoint(term, joint.loop.make(term), joint.loop.forward)
    adjoint.forward_loop = joint.loop.checked(adjoint.term)
    adjoint.backward_loop = joint.loop.checked(adjoint.augmented_term, backward=True)
    return _detached(adjoint, y, ts, dt0, outer, inner)


def _detached(
    adjoint: Any, y: Tensor, ts: Tensor, dt0: Tensor | None, outer: Sequence[Tensor], inner: Sequence[Tensor]
) -> tuple[Tensor, Any]:
    """Solve with leaves in place of y and the parameters, which must be leaves in a module, and hand on gradients."""
    if ts.requires_grad:
        raise Unsupported("torchode's backsolves give no gradient with respect to times: detach ts")
    start = y.detach().requires_grad_()
    ys, stats = solution(adjoint, start, ts, dt0)
    if not ys.requires_grad:
        return ys, stats
    return _Bridge.apply((ys, start, *inner), y, *outer), stats  # type: ignore[no-untyped-call]


class _Bridge(torch.autograd.Function):
    """``ys`` as a function of ``outer``, by its graph in terms of ``inner``; both in a tuple, which autograd does not
    look into."""

    @staticmethod
    def forward(ctx: Any, solved: tuple[Tensor, ...], *outer: Tensor) -> Tensor:
        ctx.ys, *ctx.inner = solved
        return solved[0].detach()

    @staticmethod
    def backward(ctx: Any, cotangent: Tensor) -> tuple[Tensor | None, ...]:
        return None, *torch.autograd.grad(ctx.ys, ctx.inner, cotangent, allow_unused=True)

"""Forward sensitivities: y and its derivatives, solved as one problem (HNW I.14, eq. 14.10)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import Function

from odebench.contract import Dynamics, OdeInt, PyTree, Solve, Unsupported
from odebench_torch.arguments import Arguments, arguments_of
from odebench_torch.layout import Layout, flatten, unflatten
from odebench_torch.vjp import refuse_second_derivative

from .variational import Variational, norm_of


def bind(solve: Solve, options: dict[str, Any]) -> OdeInt:
    """``odeint`` solves ``d/dt (y, S) = (f, ∂f/∂y S + ∂f/∂θ)`` of size D + D² + K D, for D numbers in y0 and K in
    the parameters that require grad; S of what does not is left out. The gradient is then a product with S.

    For ts that require grad there is one more column, ∂y/∂t0. Tensors that require grad must be y0, ts, in ``params``
    or parameters of the module that f is; f must go through ``torch.func.vmap`` and ``jvp``. The error of S is
    controlled with y's: of y0 and of each parameter the S counts as a leaf; a ``norm`` is of y alone.

    :raises Unsupported: when f depends on another tensor that requires grad: at ts[0] or, where f takes no params and
        is no module, at any output; at once, with the solver's option ``compile``.
    """
    if options.get("compile"):
        raise Unsupported("forward sensitivities make dynamics of their own in every solve: leave compile=True out")

    def odeint(f: Dynamics, y0: PyTree, ts: Tensor, params: PyTree = None) -> PyTree:
        if not torch.is_grad_enabled():
            return solve(f, y0, ts, params, **options)[0]
        leaves, structure = flatten(y0)
        arguments = arguments_of(f, params)
        problem = _Problem(arguments, structure, len(leaves), solve, options)
        ys = _ForwardSolve.apply(problem, ts, *leaves, *arguments.parameters)  # type: ignore[no-untyped-call]
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


class _ForwardSolve(Function):
    """``(ts, *leaves of y0, *parameters) -> leaves of ys``."""

    @staticmethod
    def forward(ctx: Any, problem: _Problem, ts: Tensor, *tensors: Tensor) -> tuple[Tensor, ...]:
        leaves, thetas = ([x.detach() for x in part] for part in (tensors[: problem.size], tensors[problem.size :]))
        y0 = unflatten(problem.structure, leaves)
        layout = Layout(y0)
        dynamics = Variational(problem.arguments, layout, thetas)
        begin = dynamics.begin(
            ts[0].detach().to(leaves[0]), y0, ctx.needs_input_grad[2:], timed=ctx.needs_input_grad[1]
        )
        options = dict(problem.options)
        if options.get("norm") is not None:
            options["norm"] = norm_of(options["norm"])
        (ys, *groups), _ = problem.solve(dynamics, (y0, *begin), ts.detach(), **options)
        outputs = tuple(flatten(ys)[0])
        dynamics.end(ts.detach(), outputs)
        ctx.problem, ctx.layout = problem, layout
        ctx.save_for_backward(ts, *thetas, *outputs, *groups)
        return outputs

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> tuple[Tensor | None, ...]:
        refuse_second_derivative()
        problem, (ts, *saved) = ctx.problem, ctx.saved_tensors
        parameters = len(problem.arguments.parameters)
        thetas, saved = saved[:parameters], saved[parameters:]
        ys, groups = saved[: problem.size], saved[problem.size :]
        g = torch.cat([c.reshape(len(ts), -1) for c in cotangents], dim=1)
        _, timed, *needed = ctx.needs_input_grad
        like = iter([*ctx.layout.like, *thetas])
        found: list[Tensor | None] = []
        columns = iter(groups)
        for needs, x in zip(needed, like, strict=True):
            found.append(torch.einsum("td,tmd->m", g, next(columns)).view_as(x).to(x) if needs else None)
        times = _of_times(problem, ctx.layout, thetas, ts, ys, g, next(columns)) if timed else None
        return None, times, *found


def _of_times(
    problem: _Problem,
    layout: Layout,
    thetas: Sequence[Tensor],
    ts: Tensor,
    ys: Sequence[Tensor],
    g: Tensor,
    column: Tensor,
) -> Tensor:
    """The cotangent of ts: ``g_i · f(t_i, y_i)``, and for t0, which ``ys[0]`` does not depend on, by its own column."""
    times = torch.zeros_like(ts)
    times[0] = (g[1:] * column[1:, 0]).sum()
    for i in range(1, len(ts)):
        k = problem.arguments.call(ts[i].to(ys[0]), layout.tree([y[i] for y in ys]), thetas)
        times[i] = torch.dot(g[i], layout.flat(k))
    return times

"""torchdiffeq's gradients: see :class:`odebench.contract.BindGradient`."""

from __future__ import annotations

from typing import Any

import torch
import torchdiffeq  # type: ignore[import-untyped]
from torch import Tensor, nn

from odebench.contract import Dynamics, OdeInt, PyTree, Solve
from odebench_torch.dynamics import bind
from odebench_torch.layout import flatten
from odebench_torchdiffeq.solver import Grid


def backprop(solve: Solve, options: dict[str, Any]) -> OdeInt:
    """Through the operations of ``torchdiffeq.odeint``, rejected steps and the choice of ``first_step`` included;
    the factors between steps are constants."""

    def odeint(f: Dynamics, y0: PyTree, ts: Tensor, params: PyTree = None) -> PyTree:
        return solve(f, y0, ts, params, **options)[0]

    return odeint


def adjoint(
    solve: Solve,
    options: dict[str, Any],
    *,
    adjoint_rtol: float | None = None,
    adjoint_atol: float | None = None,
) -> OdeInt:
    """``torchdiffeq.odeint_adjoint``: the backward norm is the largest of |adjoint of t| and the root mean squares of
    y, its adjoint and each parameter's cotangent. A fixed grid's step is the forward's, and ``first_step`` is that of
    every interval. Parameters are those in ``params``, or the module's.

    :raises Unsupported: when f captures another tensor that requires grad.
    """
    return _adjoint(solve, options, {"adjoint_rtol": adjoint_rtol, "adjoint_atol": adjoint_atol}, {})


def seminorm(
    solve: Solve,
    options: dict[str, Any],
    *,
    adjoint_rtol: float | None = None,
    adjoint_atol: float | None = None,
) -> OdeInt:
    """As :func:`adjoint`, with a backward norm that leaves the parameters' cotangents out (Kidger et al. 2021)."""
    tolerances = {"adjoint_rtol": adjoint_rtol, "adjoint_atol": adjoint_atol}
    return _adjoint(solve, options, tolerances, {"norm": "seminorm"})


def _adjoint(solve: Any, options: dict[str, Any], tolerances: dict[str, Any], norm: dict[str, str]) -> OdeInt:
    def odeint(f: Dynamics, y0: PyTree, ts: Tensor, params: PyTree = None) -> PyTree:
        trained = _trained(f, params)

        def integrate(field: Any, y0: Any, ts: Tensor, *, options: dict[str, Any], **keywords: Any) -> Any:
            backward = {name: value for name, value in options.items() if name != "norm"} | norm
            if isinstance(grid := backward.get("grid_constructor"), Grid):
                backward["grid_constructor"] = Grid(grid.step)  # num_steps is over all intervals
            if torch.is_grad_enabled():
                field.prepare_adjoint(bind(f, params))
            given = {"adjoint_params": trained, "adjoint_options": backward, **tolerances}
            return torchdiffeq.odeint_adjoint(field, y0, ts, options=options, **keywords, **given)

        return solve(f, y0, ts, params, integrate=integrate, **options)[0]

    return odeint


def _trained(f: Dynamics, params: PyTree) -> tuple[Tensor, ...]:
    if params is None:
        found: list[Tensor] = list(f.parameters()) if isinstance(f, nn.Module) else []
    else:
        found = [leaf for leaf in flatten(params)[0] if isinstance(leaf, Tensor)]
    # Each once: torchdiffeq adds up the whole gradient for every mention of a tensor.
    return tuple({id(p): p for p in found if p.requires_grad}.values())

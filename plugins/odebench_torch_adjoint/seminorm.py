"""The continuous adjoint, its steps chosen by y and a alone (Kidger, Chen & Lyons 2021, "Hey, that's not an ODE")."""

from __future__ import annotations

from typing import Any

from odebench.contract import OdeInt, Solve

from .method import bind as bind_adjoint


def bind(
    solve: Solve,
    options: dict[str, Any],
    *,
    adjoint_solver: Solve | None = None,
    adjoint_rtol: float | None = None,
    adjoint_atol: float | None = None,
    adjoint_step: float | None = None,
    adjoint_num_steps: int | None = None,
) -> OdeInt:
    """The adjoint with ``adjoint_norm="seminorm"``; options and errors are the adjoint's."""
    return bind_adjoint(
        solve,
        options,
        adjoint_solver=adjoint_solver,
        adjoint_rtol=adjoint_rtol,
        adjoint_atol=adjoint_atol,
        adjoint_norm="seminorm",
        adjoint_step=adjoint_step,
        adjoint_num_steps=adjoint_num_steps,
    )

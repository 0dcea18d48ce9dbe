"""See :class:`odebench.contract.BindGradient`."""

from __future__ import annotations

from typing import Any

from odebench.contract import Dynamics, OdeInt, PyTree, Solve


def adjoint(solve: Solve, options: dict[str, Any]) -> OdeInt:
    """The solve itself, which brings its continuous adjoint: of y0, ts, params and what f has captured."""

    def odeint(f: Dynamics, y0: PyTree, ts: Any, params: PyTree = None) -> PyTree:
        return solve(f, y0, ts, params, **options)[0]

    return odeint

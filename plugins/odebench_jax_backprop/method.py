"""See :class:`odebench.contract.BindGradient`."""

from __future__ import annotations

from typing import Any

from odebench.contract import Dynamics, OdeInt, PyTree, Solve


def bind(solve: Solve, options: dict[str, Any]) -> OdeInt:
    """The solve itself: JAX differentiates it, or it brings its own rule, as odebench's own solvers do.

    Outside jit, f is compiled once for each function object: pass what changes in params.
    """

    def odeint(f: Dynamics, y0: PyTree, ts: Any, params: PyTree = None) -> PyTree:
        return solve(f, y0, ts, params, **options)[0]

    return odeint

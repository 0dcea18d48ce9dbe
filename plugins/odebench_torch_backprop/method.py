"""Discretise, then differentiate."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from odebench.contract import Dynamics, OdeInt, PyTree, Solve


def bind(solve: Solve, options: dict[str, Any]) -> OdeInt:
    """``odeint`` is the solve itself, and its gradient that of the operations which the solve is made of.

    Any solve goes: one in plain torch operations is recorded by autograd; the Runge–Kutta engine of
    ``odebench_torch`` brings the same gradient as a node of its own.
    """

    def odeint(f: Dynamics, y0: PyTree, ts: Tensor, params: PyTree = None) -> PyTree:
        return solve(f, y0, ts, params, **options)[0]

    return odeint

"""See :class:`odebench.contract.BindGradient`."""

from __future__ import annotations

from typing import Any

from odebench.contract import Dynamics, OdeInt, PyTree, Solve, Unsupported
from odebench_jax.rule import name_of

from .solver import ReversibleHeun


def bind(solve: Solve, options: dict[str, Any]) -> OdeInt:
    """The solve itself, whose own derivative undoes its steps. Memory does not grow with them, but for their times.

    :raises Unsupported: when the solver's steps cannot be undone.
    """
    if not isinstance(solve, ReversibleHeun):
        raise Unsupported(f"{name_of(solve)} is not reversible: take reversible_heun")

    def odeint(f: Dynamics, y0: PyTree, ts: Any, params: PyTree = None) -> PyTree:
        return solve(f, y0, ts, params, **options)[0]

    return odeint

"""The gradient of the discrete map from states at accepted steps; see :class:`odebench.contract.ReplayedSolve`."""

from __future__ import annotations

import inspect
from typing import Any, Literal, cast

from odebench.contract import Dynamics, OdeInt, PyTree, ReplayedSolve, Solve, Unsupported
from odebench_jax.rule import name_of


def bind(solve: Solve, options: dict[str, Any], *, checkpoints: int = 16) -> OdeInt:
    """Steps between checkpoints are taken again in the backward pass: memory is of ``checkpoints`` states.

    Some of them are held back for the backward pass, which bisects what lies between the others (see
    :class:`odebench_jax.stack.Stack`). Reverse mode only, but for solvers that say otherwise.

    :raises Unsupported: when the solver cannot do that.
    :raises ValueError: in the solve, when ``checkpoints`` is not a whole number of at least 1.
    """
    return _bind(solve, options, checkpoints)


def bind_aca(solve: Solve, options: dict[str, Any]) -> OdeInt:
    """The adaptive checkpoint adjoint (Zhuang et al. 2020): no step is taken again but to differentiate it.

    JAX sets memory aside for the states of ``max_steps`` steps, within the bound that the solver has for it: say how
    many it may take.

    :raises Unsupported: when the solver cannot do that.
    """
    return _bind(solve, options, "all")


def _bind(solve: Solve, options: dict[str, Any], checkpoints: int | Literal["all"]) -> OdeInt:
    if "checkpoints" not in inspect.signature(solve).parameters:
        raise Unsupported(f"{name_of(solve)} cannot keep checkpoints: it has no option `checkpoints`")
    replayed = cast(ReplayedSolve, solve)

    def odeint(f: Dynamics, y0: PyTree, ts: Any, params: PyTree = None) -> PyTree:
        return replayed(f, y0, ts, params, checkpoints=checkpoints, **options)[0]

    return odeint

"""Discretise, then differentiate, and take steps again in place of keeping their activations."""

from __future__ import annotations

import inspect
from typing import Any, Literal

from torch import Tensor

from odebench.contract import Dynamics, OdeInt, PyTree, Solve, Unsupported
from odebench_torch.names import name_of


def bind(solve: Solve, options: dict[str, Any], *, checkpoints: int = 16) -> OdeInt:
    """Recursive checkpointing (Griewank & Walther 2000): backprop's gradient, whatever the number.

    :param solve: an :class:`odebench.contract.ReplayedSolve`.
    :param checkpoints: how many states there may be at any time. Beside the forward solve and once for its graph, 16
        states take a step of ours again 1.2 times on average in a solve of 100 steps, 2.5 times in one of 1000 and
        3.4 times in one of 5000; 8 states 2.1, 4.2 and 6.1 times.
    :raises Unsupported: for a solver that keeps activations only.
    :raises ValueError: from the solve, for a number below 1.
    """
    return _bind(solve, options, checkpoints)


def bind_all(solve: Solve, options: dict[str, Any]) -> OdeInt:
    """The adaptive checkpoint adjoint (Zhuang et al. 2020): the state of every accepted step is kept.

    :param solve: an :class:`odebench.contract.ReplayedSolve`.
    :raises Unsupported: for a solver that keeps activations only.
    """
    return _bind(solve, options, "all")


def _bind(solve: Solve, options: dict[str, Any], checkpoints: int | Literal["all"]) -> OdeInt:
    if "checkpoints" not in inspect.signature(solve).parameters:
        raise Unsupported(f"the solver {name_of(solve)} cannot take its steps again (it has no option `checkpoints`)")
    options = {**options, "checkpoints": checkpoints}

    def odeint(f: Dynamics, y0: PyTree, ts: Tensor, params: PyTree = None) -> PyTree:
        return solve(f, y0, ts, params, **options)[0]

    return odeint

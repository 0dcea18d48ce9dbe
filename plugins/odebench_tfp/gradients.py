"""The gradients of TFP's solvers: see :class:`odebench.contract.BindGradient`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from odebench.contract import Dynamics, OdeInt, PyTree, Solve
from odebench_tfp.solver import Field, by_adjoint, by_operations
from odebench_tfp.state import Tensor


def backprop(solve: Solve, options: dict[str, Any]) -> OdeInt:
    """Through the operations of TFP's loops, rejected steps and the choice of the next one included.

    Where an error estimate is exactly 0, so is its root, whose derivative is not finite: the gradient is NaN.
    """

    def odeint(f: Dynamics, y0: PyTree, ts: Tensor, params: PyTree = None) -> PyTree:
        return solve(f, y0, ts, params, integrate=by_operations, **options)[0]  # type: ignore[call-arg]

    return odeint


def adjoint(
    solve: Solve,
    options: dict[str, Any],
    *,
    adjoint_rtol: float | None = None,
    adjoint_atol: float | None = None,
) -> OdeInt:
    """The custom gradient of TFP's ``solve``: of y0 and of what is in ``params``; the backward solve is by the same
    method. Neither times nor what f captures get a gradient."""
    tolerances = {"rtol": adjoint_rtol, "atol": adjoint_atol}
    given = {name: value for name, value in tolerances.items() if value is not None}

    def integrate(
        make: Callable[..., Any], field: Field, y0: PyTree, ts: Tensor, parameters: tuple[Tensor, ...]
    ) -> Any:
        backward = partial(make, **given)
        return by_adjoint(partial(make, make_adjoint_solver_fn=backward), field, y0, ts, parameters)

    def odeint(f: Dynamics, y0: PyTree, ts: Tensor, params: PyTree = None) -> PyTree:
        return solve(f, y0, ts, params, integrate=integrate, **options)[0]  # type: ignore[call-arg]

    return odeint

"""The routes to the truth of a problem: ``truth.a1`` is that of ``a1``. See :mod:`odebench.truth`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from .library import PROBLEMS
from .problem import Array, Floats, Problem

_CANCELLED = 2.0**-60  # of the largest derivative: less is what rounding leaves of zero
Route = Callable[[], dict[str, Floats]]


def truth(problem: Problem, seed: int, *, loss_scale: float = 1.0) -> dict[str, Route]:
    """The closed form where there is one; collocation; SciPy. Each differentiates in its own way."""
    routes = {
        "collocation with 16 Radau nodes in longdouble, complex steps": _collocation,
        f"{'Radau' if problem.stiff else 'DOP853'} on the variational equations, time gradients from f": _variational,
    }
    if problem.closed is not None:
        routes = {"closed form in longdouble, complex steps": _closed_form} | routes
    return {name: partial(_route, problem, loss_scale, solve) for name, solve in routes.items()}


def _route(
    problem: Problem, loss_scale: float, solve: Callable[[Problem], tuple[Array, dict[str, Array]]]
) -> dict[str, Floats]:
    ys, derivatives = solve(problem)
    weights = loss_scale * problem.weights
    gradients = {name: np.asarray(np.tensordot(weights, d, 2), np.float64) for name, d in derivatives.items()}
    nothing = _CANCELLED * max(np.max(np.abs(gradient)) for gradient in gradients.values())
    found = {f"gradient/{name}": np.where(np.abs(g) < nothing, 0.0, g) for name, g in gradients.items()}
    return {"prediction": np.asarray(ys, np.float64)} | found


def _collocation(problem: Problem) -> tuple[Array, dict[str, Array]]:
    from .collocation import solve
    from .complex_step import jacobian

    return jacobian(problem, solve(problem))


def _closed_form(problem: Problem) -> tuple[Array, dict[str, Array]]:
    from .complex_step import jacobian, perturbed

    inputs = perturbed(problem)
    assert problem.closed is not None
    return jacobian(problem, problem.closed(inputs.pop("ts"), inputs.pop("y0"), inputs))


def _variational(problem: Problem) -> tuple[Array, dict[str, Array]]:
    from .variational import solve

    return solve(problem)


def __getattr__(name: str) -> Any:
    if name in PROBLEMS:
        return partial(truth, PROBLEMS[name])
    raise AttributeError(f"there is no problem {name!r}")

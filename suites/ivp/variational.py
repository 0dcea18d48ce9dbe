"""A route to the truth: SciPy on the variational equations, whose right-hand side JAX differentiates.

    y' = f(t, y, p),   S' = ∂f/∂y S + ∂f/∂p P    (HNW I.14, eq. 14.14)

with a row of S for each component of y0 (it starts as the unit vector) and for each parameter (it starts at zero, and
P is its unit vector). The derivatives with respect to the times follow from f: y(tᵢ) moves by f(tᵢ, yᵢ), and a start
that is later by δ is a start at y0 - δ f(t0, y0).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from scipy.integrate import solve_ivp

from .problem import Array, Floats, Problem

RTOL = {"DOP853": 3e-14, "Radau": 1e-12}
ATOL = 1e-16


def solve(problem: Problem) -> tuple[Array, dict[str, Array]]:
    """``ys`` (T, n) and its derivative with respect to each input, (T, n, *input.shape), in float64.

    :raises ArithmeticError: where SciPy gives up.
    """
    with jax.enable_x64(True):
        params = {name: jnp.asarray(x) for name, x in problem.inputs.items() if name not in ("y0", "ts")}
        flat, unflatten = ravel_pytree(params)
        f = jax.jit(lambda t, y, p: problem.f(t, y, unflatten(p), jnp))
        zs = _integrate(problem, f, flat)
        n = len(problem.y0)
        ys, sensitivities = zs[:, 0], np.moveaxis(zs[:, 1:], 1, -1)
        jacobian = {"y0": sensitivities[..., :n]}
        first = n
        for name in sorted(params):  # as the leaves of a dict are ravelled
            size = params[name].size
            jacobian[name] = sensitivities[..., first : first + size].reshape(*ys.shape, *params[name].shape)
            first += size
        slopes = np.stack([np.asarray(f(t, y, flat)) for t, y in zip(problem.ts, ys, strict=True)])
        moves = slopes[:, :, None] * np.eye(len(ys))[:, None, :]
        moves[0] = 0.0
        moves[1:, :, 0] = -jacobian["y0"][1:] @ slopes[0]
        return ys, jacobian | {"ts": moves}


def _integrate(problem: Problem, f: Callable[..., Array], p: Array) -> Floats:
    """y and the rows of S at every time, (T, 1 + rows, n), output by output: dense output is coarser."""
    n, rows = len(problem.y0), len(problem.y0) + p.size
    directions = np.concatenate([np.zeros((n, p.size)), np.eye(p.size)])

    def right_side(t: Array, flat: Array) -> Array:
        z = flat.reshape(1 + rows, n)
        along: Callable[..., Array] = jax.vmap(lambda s, d: jax.jvp(lambda y, p: f(t, y, p), (z[0], p), (s, d))[1])
        return jnp.concatenate([f(t, z[0], p)[None], along(z[1:], directions)]).ravel()

    call = jax.jit(right_side)
    method: Literal["Radau", "DOP853"] = "Radau" if problem.stiff else "DOP853"
    derivative = jax.jit(jax.jacfwd(right_side, 1))
    known: dict[str, Any] = {"jac": lambda t, z: np.asarray(derivative(t, z))} if problem.stiff else {}
    zs = [np.concatenate([[problem.y0], np.eye(n), np.zeros((p.size, n))])]
    for span in itertools.pairwise(problem.ts):
        found = solve_ivp(
            lambda t, z: np.asarray(call(t, z)),
            span,
            zs[-1].ravel(),
            method=method,
            rtol=RTOL[method],
            atol=np.broadcast_to(ATOL * np.minimum(problem.scale, 1.0), zs[-1].shape).ravel(),
            **known,
        )
        if not found.success:
            raise ArithmeticError(f"{problem.name}: {method}: {found.message}")
        zs.append(found.y[:, -1].reshape(1 + rows, n))
    return np.stack(zs)

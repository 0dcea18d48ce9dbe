"""Linear systems ``(I - γ J) x = r`` with the Jacobian J of f: dense for small states, matrix-free for large ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.scipy.linalg import lu_factor, lu_solve
from jax.scipy.sparse.linalg import gmres

DENSE = 64
"""The largest state for which J is formed, by as many Jacobian–vector products; above it, nothing is n × n."""
RESTART, CYCLES = 20, 10
"""Krylov vectors that GMRES keeps, and how often at most it starts anew."""

Apply = Callable[[jax.Array], jax.Array]


def is_dense(n: int) -> bool:
    return n <= DENSE


def factors(apply: Apply, gammas: jax.Array, like: jax.Array) -> Any:
    """LU factors of ``I - γ J`` for each γ, stacked; ``apply`` is v -> J v. Not of 16-bit numbers, which have none."""
    unit = jnp.eye(like.size, dtype=like.dtype)
    wide = jnp.promote_types(like.dtype, jnp.float32)
    jacobian = jax.vmap(apply, out_axes=1)(unit).astype(wide)
    return jax.vmap(lambda gamma: lu_factor(unit.astype(wide) - gamma.astype(wide) * jacobian))(gammas)


def solve_factored(lu: Any, r: jax.Array) -> jax.Array:
    x: jax.Array = lu_solve(lu, r.astype(lu[0].dtype)).astype(r.dtype)
    return x


def solve_matrix_free(apply: Apply, gamma: jax.Array, r: jax.Array, rtol: float) -> jax.Array:
    """By GMRES, until the residual is ``rtol`` times that of zero, or it has started anew :data:`CYCLES` times."""
    x: jax.Array = gmres(
        lambda v: v - gamma * apply(v), r, tol=rtol, restart=RESTART, maxiter=CYCLES, solve_method="incremental"
    )[0]
    return x

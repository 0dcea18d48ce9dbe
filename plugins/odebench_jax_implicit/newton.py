"""The equation of an implicit stage, ``k = f(t, base + γ k)``, and its derivative by the implicit function theorem."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from odebench_jax.functional.method import Params, Problem
from odebench_jax.indexing import row as at
from odebench_jax.lanes import any_lane

from .linear import factors, is_dense, solve_factored, solve_matrix_free

ADAPTIVE_LIMIT, FIXED_LIMIT = 12, 50
"""Iterations. A fixed step cannot be shortened, and is solved to rounding at whatever rate."""
PART = 1e-2
"""Of the tolerance, what Newton's method may leave (Hairer & Wanner, IV.8)."""
SLOW = 0.3
"""At a worse rate of convergence, the Jacobian is taken anew."""
WORST = 10.0
"""Of its last increment, the largest multiple that a slow iteration is held to have left, as it is at rounding."""
FORCING = 1e-3
"""Of its right-hand side, what GMRES may leave in a Newton iteration."""


class Stage(NamedTuple):
    """The equation of a stage.

    :param gamma: the step size times the diagonal coefficient.
    """

    t: jax.Array
    base: jax.Array
    gamma: jax.Array
    params: Params


class Matrix(NamedTuple):
    """The Jacobian of a step, as it is handed on from stage to stage.

    :param gammas: of the stages, each once.
    :param lu: factors of ``I - γ J`` for each of them.
    :param stale: whether to take J anew, where the iteration is, before it is used.
    """

    gammas: jax.Array
    lu: Any
    stale: jax.Array

    @classmethod
    def none(cls, gammas: jax.Array, like: jax.Array) -> Matrix:
        shapes = jax.eval_shape(lambda: factors(lambda v: v, gammas, like))
        return cls(gammas, jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes), jnp.ones((), bool))

    def renewed(self, f: Callable[[jax.Array], jax.Array], y: jax.Array) -> Matrix:
        """With J at y, if it is stale."""

        def renew() -> Any:
            taken = factors(jax.linearize(f, y)[1], self.gammas, y)
            return jax.tree.map(lambda new, old: jnp.where(self.stale, new, old), taken, self.lu)

        return self._replace(lu=lax.cond(any_lane(self.stale), renew, lambda: self.lu))

    def solve(self, which: jax.Array, r: jax.Array) -> jax.Array:
        return solve_factored(jax.tree.map(lambda x: at(x, which), self.lu), r)


class Found(NamedTuple):
    """A stage's derivative, whether Newton's method converged to it, its evaluations of f, and its last Jacobian."""

    k: jax.Array
    converged: jax.Array
    evaluations: jax.Array
    matrix: Matrix | None


class _Carry(NamedTuple):
    i: jax.Array
    found: Found
    size: jax.Array  # of the last increment, in parts of what may be left
    finite: jax.Array


def solve_stage(
    problem: Problem, stage: Stage, guess: jax.Array, matrix: Matrix | None, which: jax.Array, scale: jax.Array
) -> Found:
    """Only k is differentiable, and only in ``stage``.

    :param matrix: None for a state whose Jacobian is not formed: then it is that of every iterate.
    :param which: of the matrix' γ the stage's.
    :param scale: of the state, a vector: the error that a step may have, or 0 where it is solved to rounding.
    """

    @jax.custom_vjp
    def solve(stage: Stage, guess: jax.Array, matrix: Matrix | None, which: jax.Array, scale: jax.Array) -> Found:
        return _newton(problem.with_params(stage.params), stage, guess, matrix, which, scale)

    def forward(stage: Stage, *rest: Any) -> tuple[Found, Any]:
        found = solve(stage, *rest)
        return found, (stage, found.k)

    def backward(residuals: tuple[Stage, jax.Array], cotangents: Found) -> tuple[Any, ...]:
        stage, k = residuals
        _, pull = jax.vjp(problem.dynamics, stage.t, stage.base + stage.gamma * k, stage.params)
        weight = _transposed(lambda v: pull(v)[1], stage.gamma, cotangents.k)
        t_bar, y_bar, params_bar = pull(weight)
        return Stage(t_bar, y_bar, jnp.vdot(y_bar, k), params_bar), None, None, None, None

    solve.defvjp(forward, backward)
    return solve(stage, guess, matrix, which, scale)


def _newton(
    problem: Problem, stage: Stage, guess: jax.Array, matrix: Matrix | None, which: jax.Array, scale: jax.Array
) -> Found:
    limit = FIXED_LIMIT if problem.tolerances is None else ADAPTIVE_LIMIT
    rounding, tiny = _rounding(guess.dtype), float(jnp.finfo(guess.dtype).tiny)

    def f(y: jax.Array) -> jax.Array:
        return problem.f(stage.t, y)

    def iterate(c: _Carry) -> _Carry:
        k, _, evaluations, matrix = c.found
        y = stage.base + stage.gamma * k
        fresh = matrix is None or matrix.stale
        if matrix is None:
            slope, apply = jax.linearize(f, y)
            increment = solve_matrix_free(apply, stage.gamma, slope - k, FORCING)
        else:
            evaluations += matrix.stale
            matrix = matrix.renewed(f, y)
            increment = matrix.solve(which, f(y) - k)
        largest = jnp.max(jnp.abs(stage.base)) + jnp.max(jnp.abs(stage.gamma * k))
        allowed = jnp.maximum(PART * scale, rounding * largest + tiny)
        size = problem.norm(stage.gamma * increment / allowed)
        rate = jnp.where(c.i > 0, size / c.size, 0.5)
        left = size * jnp.where(rate < 1, jnp.minimum(rate / (1 - rate), WORST), WORST)
        converged = left <= 1
        # Where an old Jacobian leads astray, the iteration goes on from where it was: there may be a further solution.
        astray = ~jnp.asarray(fresh) & (c.i > 0) & (rate > 1) & ~converged
        if matrix is not None:
            matrix = matrix._replace(stale=~converged & (rate > SLOW) & (c.i > 0))
        k, reached = jnp.where(astray, k, k + increment), jnp.where(astray, c.size, size)
        return _Carry(c.i + 1, Found(k, converged, evaluations + 1, matrix), reached, jnp.isfinite(size))

    def unfinished(c: _Carry) -> jax.Array:
        return ~c.found.converged & c.finite & (c.i < limit)

    size = jnp.zeros((), jax.eval_shape(problem.norm, guess).dtype)
    zero = jnp.zeros((), jnp.int32)
    start = _Carry(zero, Found(guess, jnp.zeros((), bool), zero, matrix), size, jnp.ones((), bool))
    return lax.while_loop(unfinished, iterate, start).found


def _rounding(dtype: Any) -> float:
    """The part of a state that counts as rounding: of float64, a hundred units; of shorter ones, fewer."""
    eps = float(jnp.finfo(dtype).eps)
    return float(min(100 * eps, eps**0.8))


def _transposed(apply: Any, gamma: jax.Array, g: jax.Array) -> jax.Array:
    """x with ``(I - γ Jᵀ) x = g``; NaN where the system could not be solved.

    :param apply: ``v -> Jᵀ v``.
    """
    if is_dense(g.size):
        lu = factors(apply, gamma[None], g)
        return solve_factored(jax.tree.map(lambda x: x[0], lu), g)
    x = solve_matrix_free(apply, gamma, g, _rounding(g.dtype))
    left = jnp.linalg.norm(x - gamma * apply(x) - g)
    return jnp.where(left <= _rounding(g.dtype) ** 0.5 * jnp.linalg.norm(g), x, jnp.nan)

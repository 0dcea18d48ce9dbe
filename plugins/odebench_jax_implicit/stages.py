"""One step of a diagonally implicit Runge–Kutta method, and its PI control."""

from __future__ import annotations

from functools import cached_property
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from odebench.tableau import DiagonallyImplicitRungeKutta
from odebench_jax.functional.method import Advance, Memory, Problem
from odebench_jax.indexing import row as at
from odebench_jax.indexing import with_row
from odebench_jax.stages import combine
from odebench_jax.steps import floored, next_step

from .linear import is_dense, solve_matrix_free
from .newton import FORCING, Matrix, Stage, solve_stage


class Pace(NamedTuple):
    """State of the PI controller.

    :param error: of the last accepted step.
    :param rejected: whether the last attempt was.
    """

    step: jax.Array
    choice: jax.Array
    error: jax.Array
    rejected: jax.Array


class _Last(NamedTuple):
    """The stage before: its derivative and its state."""

    k: jax.Array
    y: jax.Array


class _Estimate(NamedTuple):
    """What the error estimate is damped by."""

    t1: jax.Array
    h: jax.Array
    matrix: Matrix | None
    which: jax.Array


def dense_weights(tableau: DiagonallyImplicitRungeKutta, theta: jax.Array) -> jax.Array:
    """``b_i(θ)`` of the continuous extension (HNW II.6)."""
    weights = jnp.zeros(tableau.stages, theta.dtype)
    for column in np.array(tableau.dense, dtype=float).T[::-1]:
        weights = theta * (jnp.asarray(column, theta.dtype) + weights)
    return weights


class DiagonallyImplicit:
    """The :class:`.method.Method` of a tableau.

    Memory is the derivative at the last stage: where that is the new point, the explicit first stage of the next step
    is it; elsewhere the next adaptive step's Newton iteration starts from it.
    """

    def __init__(self, tableau: DiagonallyImplicitRungeKutta) -> None:
        self.tableau = tableau
        self.adaptive, self.interpolates = tableau.adaptive, tableau.dense is not None
        self.error_order = tableau.error_order if tableau.adaptive else tableau.order + 1

    @cached_property
    def _a(self) -> np.ndarray[Any, Any]:
        s = self.tableau.stages
        return np.array([[*map(float, row), *[0.0] * (s - len(row))] for row in self.tableau.a])

    @cached_property
    def _explicit(self) -> bool:
        """Whether the first stage is f at the start."""
        return bool(self._a[0, 0] == 0)

    @cached_property
    def _recalls(self) -> bool:
        """Whether that is the last stage of the step before."""
        return self._explicit and self.tableau.stiffly_accurate and self.tableau.c[-1] == 1

    def begin(self, problem: Problem, t0: jax.Array, y0: jax.Array, f0: jax.Array | None) -> tuple[Memory, int]:
        if not self._recalls:
            return jnp.zeros_like(y0), 0
        return (problem.f(t0, y0), 1) if f0 is None else (f0, 0)

    def step(
        self, problem: Problem, t0: jax.Array, t1: jax.Array, choice: jax.Array, y: jax.Array, memory: Memory
    ) -> Advance:
        del choice
        s, h = self.tableau.stages, (t1 - t0).astype(y.dtype)
        k, first, begun = jnp.zeros((s, *y.shape), y.dtype), 0, 0
        guess = lax.stop_gradient(memory)
        if self._explicit:
            guess = memory if self._recalls else problem.f(t0, y)
            k, first, begun = k.at[0].set(guess), 1, 0 if self._recalls else 1
        c, a = jnp.asarray([float(x) for x in self.tableau.c], t0.dtype), jnp.asarray(self._a, y.dtype)
        times = jnp.where(c == 1, t1, t0 + c * (t1 - t0))
        diagonals, which = np.unique(np.diag(self._a)[first:], return_inverse=True)
        gammas = lax.stop_gradient(h) * jnp.asarray(diagonals, y.dtype)
        matrix = Matrix.none(gammas, y) if is_dense(y.size) else None
        scale = jnp.zeros_like(y) if problem.tolerances is None else problem.tolerances.scale(lax.stop_gradient(y))

        def stage(carry: tuple[Any, ...], row: tuple[jax.Array, jax.Array]) -> tuple[Any, None]:
            k, last, solved, evaluations, matrix = carry
            i, factor = row
            equation = Stage(at(times, i), y + h * combine(at(a, i), k), h * at(jnp.diagonal(a), i), problem.params)
            if problem.tolerances is None:
                # A large step needs a good Jacobian, and a start from where f is known to make sense: the last state.
                matrix = matrix if matrix is None else matrix._replace(stale=jnp.ones((), bool))
                guess = (last.y - equation.base) / jnp.where(equation.gamma == 0, 1, equation.gamma)
            else:
                guess = last.k
            found = solve_stage(problem, equation, lax.stop_gradient(guess), matrix, factor, scale)
            solved, evaluations = solved & found.converged, evaluations + found.evaluations
            last = _Last(found.k, lax.stop_gradient(equation.base + equation.gamma * found.k))
            return (with_row(k, i, found.k), last, solved, evaluations, found.matrix), None

        start = (k, _Last(guess, lax.stop_gradient(y)), jnp.ones((), bool), jnp.asarray(begun, jnp.int32), matrix)
        rows = (jnp.arange(first, s), jnp.asarray(which, jnp.int32))
        (k, last, solved, evaluations, matrix), _ = lax.scan(stage, start, rows)
        y1 = y + h * combine([float(x) for x in self.tableau.b], k)
        estimate = _Estimate(t1, h, matrix, rows[1][-1])
        # Without factors, what damps the estimate is the Jacobian at the new point.
        evaluations = evaluations + int(problem.tolerances is not None and matrix is None)
        return Advance(y1, last.k if self._recalls else lax.stop_gradient(last.k), k, solved, evaluations, estimate)

    def pace(self, step: jax.Array) -> Pace:
        return Pace(step, jnp.zeros((), jnp.int32), floored(jnp.zeros_like(step)), jnp.zeros((), bool))

    def judge(
        self, problem: Problem, advance: Advance, y0: jax.Array, tried: jax.Array, pace: Pace
    ) -> tuple[jax.Array, Pace]:
        """A step that Newton's method did not solve is as good as one of infinite error."""
        t1, h, matrix, which = advance.estimates
        estimate = h * combine(self.tableau.b_error or (), advance.inner)
        # Of what is stiff, a difference of the pair shows more than there is (HW IV.8, eq. 8.20).
        if matrix is None:
            _, apply = jax.linearize(lambda y: problem.f(t1, y), advance.y)
            estimate = solve_matrix_free(apply, h * self._a[-1, -1], estimate, FORCING)
        else:
            estimate = matrix.solve(which, estimate)
        error = problem.error(estimate, y0, advance.y).astype(tried.dtype)
        error = jnp.where(advance.solved, error, jnp.inf)
        step = next_step(error, pace.error, tried, pace.step, pace.rejected, self.error_order)
        good = error <= 1
        return good, Pace(step, pace.choice, jnp.where(good, floored(error), pace.error), ~good)

    def steady(self, pace: Pace) -> Pace:
        return pace

    def between(
        self,
        t: jax.Array,
        t0: jax.Array,
        t1: jax.Array,
        choice: jax.Array,
        y: jax.Array,
        inner: Any,
    ) -> jax.Array:
        """By the tableau's continuous weights. Where it has none, the cubic Hermite polynomial (HNW II.6, eq. 6.7) if
        the stages have f at both ends of the step, else the straight line."""
        del choice
        h, k = (t1 - t0).astype(y.dtype), inner
        theta = ((t - t0) / jnp.where(t1 == t0, 1, t1 - t0)).astype(y.dtype)
        if self.tableau.dense is not None:
            return y + h * combine(dense_weights(self.tableau, theta), k)
        y1 = y + h * combine([float(x) for x in self.tableau.b], k)
        line: jax.Array = (1 - theta) * y + theta * y1
        if not self._recalls:
            return line
        bend = (1 - 2 * theta) * (y1 - y) + (theta - 1) * h * k[0] + theta * h * k[-1]
        curve: jax.Array = line + theta * (theta - 1) * bend
        return curve

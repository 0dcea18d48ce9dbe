"""The Adams method of variable step and order (Shampine and Gordon 1975, chapters 5–7; HNW III.5–7)."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from odebench.control import FACTOR_MIN
from odebench_jax.functional.method import Advance, Problem

from .fixed import FixedOrder
from .history import History, Step, between, differences, integrals, weighted

MAX_ORDER = 12


class Pace(NamedTuple):
    """State of the control.

    :param choice: the order k of the predictor; the corrector is of order k + 1.
    :param steps: accepted ones since the order was chosen.
    :param rising: whether the order rises and the step doubles with every step, as at the start.
    :param failures: attempts of this step that were rejected.
    """

    step: jax.Array
    choice: jax.Array
    steps: jax.Array
    rising: jax.Array
    failures: jax.Array


class VariableOrder:
    """P_k E C_{k+1} E with k up to 12. On fixed steps it is the Adams–Moulton method of order 4."""

    adaptive = True
    interpolates = True
    error_order = 2

    _fixed = FixedOrder(4, corrects=True)

    def begin(self, problem: Problem, t0: jax.Array, y0: jax.Array, f0: jax.Array | None) -> tuple[History, int]:
        if problem.tolerances is None:
            return self._fixed.begin(problem, t0, y0, f0)
        return History.begin(problem, MAX_ORDER, t0, y0, f0), int(f0 is None)

    def step(
        self, problem: Problem, t0: jax.Array, t1: jax.Array, choice: jax.Array, y: jax.Array, memory: History
    ) -> Advance:
        """``estimates`` are of the local error at orders k - 2 to k + 1 (HNW III.7, eq. 7.4); (4, n)."""
        if problem.tolerances is None:
            return self._fixed.step(problem, t0, t1, choice, y, memory)
        h, k = (t1 - t0).astype(y.dtype), choice
        used = jnp.minimum(k + 1, lax.stop_gradient(memory.known).astype(jnp.int32))
        x = memory.nodes(t0, t1 - t0, used)
        c, g = differences(x, used), integrals(x, 1.0)
        i = jnp.arange(MAX_ORDER)
        orders = k + jnp.arange(-2, 2)
        # Of the predictor, and of the extrapolations of f to t1 through so many knots.
        masks = jnp.concatenate([jnp.where(i < k, g[:-1], 0)[None], jnp.where(i < orders[:, None], 1, 0)])
        sums = weighted(masks @ c, memory.slopes)
        predicted, extrapolated = y + h * sums[0], sums[1:]
        corrector = h * g[k].astype(y.dtype)

        def evaluate(point: jax.Array, _: None) -> tuple[jax.Array, jax.Array]:
            slope = problem.f(t1, point)
            return predicted + corrector * (slope - extrapolated[2]), slope

        _, slopes = lax.scan(evaluate, predicted, None, length=2)
        y1 = predicted + corrector * (slopes[0] - extrapolated[2])
        ahead = jnp.clip(orders, 0, MAX_ORDER)
        parts = (g[ahead] - g[jnp.maximum(ahead - 1, 0)]).astype(y.dtype)
        estimates = h * parts[:, None] * (slopes[0] - extrapolated)
        history = memory.extended(t1, slopes[1])
        return Advance(y1, history, (y1, history), jnp.ones((), bool), 2, estimates)

    def pace(self, step: jax.Array) -> Pace:
        zero = jnp.zeros((), jnp.int32)
        return Pace(step, zero + 1, zero, jnp.ones((), bool), zero)

    def judge(
        self, problem: Problem, advance: Advance, y0: jax.Array, tried: jax.Array, pace: Pace
    ) -> tuple[jax.Array, Pace]:
        errors = jax.vmap(lambda e: problem.error(e, y0, advance.y))(advance.estimates).astype(tried.dtype)
        below2, below, error, above = errors
        k, good = pace.choice, error <= 1
        steps, failures = pace.steps + good, jnp.where(good, 0, pace.failures + 1)
        lower = jnp.where(k > 2, jnp.maximum(below2, below) <= error, (k == 2) & (below <= 0.5 * error))
        rising = pace.rising & good & ~lower & (k < MAX_ORDER)
        settled = good & ~rising & ~lower & (steps > k) & (k < MAX_ORDER)
        lower |= settled & (k > 1) & (below <= jnp.minimum(error, above))
        higher = settled & ~lower & jnp.where(k > 1, above < error, above < 0.5 * error)
        order = jnp.where(failures > 2, 1, k - lower + (higher | rising))
        expected = jnp.where(lower, below, jnp.where(higher, above, error))
        # Half the tolerance, so that few steps are rejected; steps stay equal, or double, where they can.
        ideal = (0.5 / expected) ** (1.0 / (order + 1))
        shrunk = tried * jnp.clip(ideal, 0.5, 0.9)
        grown = jnp.where(rising | (ideal >= 2), jnp.maximum(2 * tried, pace.step), jnp.maximum(tried, pace.step))
        after = jnp.where(rising | (ideal >= 1), grown, shrunk)
        again = tried * jnp.where(failures > 2, FACTOR_MIN, 0.5)
        return good, Pace(
            step=jnp.where(good, after, again),
            choice=order.astype(jnp.int32),
            steps=jnp.where(order == k, steps, 0),
            rising=rising,
            failures=failures,
        )

    def steady(self, pace: Pace) -> Pace:
        return pace._replace(choice=jnp.minimum(pace.choice + 1, self._fixed.order))

    def between(
        self, t: jax.Array, t0: jax.Array, t1: jax.Array, choice: jax.Array, y: jax.Array, inner: Step
    ) -> jax.Array:
        size = inner[1].times.shape[0]
        known = lax.stop_gradient(inner[1].known).astype(jnp.int32)
        return between(t, t0, t1, jnp.minimum(jnp.minimum(choice + 1, size), known), y, inner)

"""Past derivatives, and the polynomials through them, on knots at any distance.

Everything is a sum of derivatives with weights that depend on the knots alone. With ``x_i`` the knots, from the newest
back, in units of the step and from its start, a polynomial through the first of them is written in Newton's form as
``Σ_m φ_m Π_{i<m} (s - x_i) / (1 - x_i)``: ``φ_m``, modified divided differences of the derivatives (HNW III.5,
eq. 5.8), do not depend on how many there are.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from odebench_jax.functional.method import Problem


class History(NamedTuple):
    """Memory of an Adams method.

    :param times: of the last knots, the newest first, (K,); made up beyond ``known``.
    :param slopes: f there, (K, n).
    :param known: how many there are, as a float: it is no integer only so that memory can be differentiated.
    """

    times: jax.Array
    slopes: jax.Array
    known: jax.Array

    @classmethod
    def begin(cls, problem: Problem, size: int, t0: jax.Array, y0: jax.Array, f0: jax.Array | None) -> History:
        slopes = jnp.zeros((size, *y0.shape), y0.dtype)
        first = problem.f(t0, y0) if f0 is None else f0
        return cls(t0 - jnp.arange(size, dtype=t0.dtype), slopes.at[0].set(first), jnp.ones((), t0.dtype))

    def extended(self, t: jax.Array, slope: jax.Array) -> History:
        """With the derivative at a new knot, without the oldest."""
        times, slopes = jnp.concatenate([t[None], self.times[:-1]]), jnp.concatenate([slope[None], self.slopes[:-1]])
        return History(times, slopes, jnp.minimum(lax.stop_gradient(self.known) + 1, self.times.shape[0]))

    def nodes(self, origin: jax.Array, h: jax.Array, used: jax.Array) -> jax.Array:
        """The first ``used`` knots in units of h from ``origin``, and beyond them numbers that differ from them."""
        i, x = jnp.arange(self.times.shape[0]), (self.times - origin) / h
        beyond = lax.stop_gradient(x[used - 1]) - (i - used + 1).astype(x.dtype)
        return jnp.where(i < used, x, beyond)


def differences(x: jax.Array, used: jax.Array) -> jax.Array:
    """``C`` with ``φ_m = Σ_j C[m, j] f_j`` for m < used, 0 elsewhere; (K, K)."""
    i = np.arange(x.shape[0])
    gaps = jnp.where(i[:, None] == i, 1, x - x[:, None])
    lead = jnp.concatenate([jnp.ones(1, x.dtype), 1 - x[:-1]])
    return jnp.where((i <= i[:, None]) & (i[:, None] < used), _running_product(lead[:, None] / gaps), 0)


def integrals(x: jax.Array, end: jax.Array | float) -> jax.Array:
    """``g_m = ∫_0^end Π_{i<m} (s - x_i) / (1 - x_i) ds`` for m ≤ K, by Gauss's quadrature, which is exact."""
    points, weights = np.polynomial.legendre.leggauss(x.shape[0] // 2 + 1)
    s = end * jnp.asarray((points + 1) / 2, x.dtype)
    factors = (s - x[:, None]) / (1 - x[:, None])
    products = _running_product(jnp.concatenate([jnp.ones((1, s.shape[0]), x.dtype), factors]))
    return end * weighted(products, jnp.asarray(weights / 2, x.dtype))


def _running_product(rows: jax.Array) -> jax.Array:
    """As ``jnp.cumprod`` along the first axis, as a loop: its derivative is far quicker to compile."""

    def multiply(product: jax.Array, row: jax.Array) -> tuple[jax.Array, jax.Array]:
        return product * row, product * row

    products: jax.Array = lax.scan(multiply, jnp.ones_like(rows[0]), rows)[1]
    return products


def weighted(weights: jax.Array, slopes: jax.Array) -> jax.Array:
    """``Σ_j weights[..., j] slopes[j]``."""
    sums: jax.Array = jnp.matmul(weights.astype(slopes.dtype), slopes, precision=lax.Precision.HIGHEST)
    return sums


def between(t: jax.Array, t0: jax.Array, t1: jax.Array, used: jax.Array, y0: jax.Array, end: Step) -> jax.Array:
    """y at t by the polynomial that meets y at both ends of a step, and f at the last ``used`` knots.

    With two knots it is Hermite's cubic (HNW II.6, eq. 6.7).
    """
    y1, history = end
    h = t1 - t0
    safe = jnp.where(h == 0, 1, h)
    x = history.nodes(t1, safe, used)
    c = differences(x, used)
    i = jnp.arange(x.shape[0] + 1)

    def area(end: jax.Array | float) -> tuple[jax.Array, jax.Array]:
        """Of the polynomial through the slopes, from t1 on; and of the one that vanishes at all of them."""
        g = integrals(x, end)
        return safe.astype(y1.dtype) * weighted(g[:-1] @ c, history.slopes), jnp.sum(jnp.where(i == used, g, 0))

    there, bend = area((t - t1) / safe)
    whole, most = area(-1.0)
    return y1 + there + (bend / most).astype(y1.dtype) * (y0 - y1 - whole)


Step = tuple[jax.Array, History]
"""The state at the end of a step, and the history there."""

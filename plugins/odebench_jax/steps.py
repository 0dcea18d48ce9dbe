"""Which step to try next: equal steps, or steps that keep the estimated error within tolerance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from odebench.control import ERROR_FLOOR, FACTOR_MAX, FACTOR_MIN, SAFETY, pi_exponents

from .flat import Norm

# A step that would leave a sliver of less than this part of itself takes the sliver along.
SLIVER = 1e-3


class Tolerances(NamedTuple):
    rtol: jax.Array
    atol: jax.Array

    def scale(self, *ys: jax.Array) -> jax.Array:
        largest = jnp.abs(ys[0]) if len(ys) == 1 else jnp.maximum(jnp.abs(ys[0]), jnp.abs(ys[1]))
        return self.atol.astype(largest.dtype) + self.rtol.astype(largest.dtype) * largest


def fixed_step(span: jax.Array, step: Any, num_steps: Any) -> jax.Array:
    """``step``, or the part of the span that ``num_steps`` asks for, or the span: unsigned, and within the span."""
    length = jnp.abs(span)
    if step is not None:
        return jnp.minimum(jnp.abs(jnp.asarray(step, span.dtype)), length)
    return length if num_steps is None else length / jnp.asarray(num_steps, span.dtype)


def first_step(
    f: Callable[[jax.Array, jax.Array], jax.Array],
    t0: jax.Array,
    span: jax.Array,
    y0: jax.Array,
    tolerances: Tolerances,
    norm: Norm,
    error_order: int,
) -> tuple[jax.Array, jax.Array]:
    """A first step size (HNW II.4, as in their DOPRI5 code), and ``f(t0, y0)``, by two evaluations of f.

    :param span: ``t1 - t0``, signed; the step (unsigned) and the probe stay within it.
    """
    scale, length = tolerances.scale(y0), jnp.abs(span)
    d0 = norm(y0 / scale).astype(length.dtype)

    def evaluate(i: jax.Array, carry: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
        """At i = 0 f(t0, y0) and the probe's step, at i = 1 f at the probe: a loop, so that f is traced once."""
        _, f0, step = carry
        f1 = f(t0 + jnp.sign(span) * step, y0 + (jnp.sign(span) * step).astype(y0.dtype) * f0)
        d1 = norm(f1 / scale).astype(length.dtype)
        probe = jnp.where((d0 < 1e-5) | (d1 < 1e-5), 1e-6, 0.01 * d0 / d1)
        probe = jnp.minimum(jnp.where(jnp.isfinite(probe), probe, 1e-6), length)
        return f0, f1, jnp.where(i == 0, probe, step)

    zero = jnp.zeros_like(y0)
    f0, f1, probe = lax.fori_loop(0, 2, evaluate, (zero, zero, jnp.zeros_like(length)))
    d1 = norm(f0 / scale).astype(length.dtype)
    d2 = norm((f1 - f0) / scale).astype(length.dtype) / probe
    steepest = jnp.maximum(d1, d2)
    step = jnp.where(steepest <= 1e-15, jnp.maximum(1e-6, 1e-3 * probe), (0.01 / steepest) ** (1.0 / error_order))
    step = jnp.where(jnp.isfinite(step), jnp.minimum(step, 100.0 * probe), probe)
    return jnp.minimum(step, length), f0


def next_step(
    error: jax.Array,
    last_error: jax.Array,
    tried: jax.Array,
    proposed: jax.Array,
    after_rejection: jax.Array,
    error_order: int,
) -> jax.Array:
    """The PI controller's next step size (Hairer & Wanner II, IV.2).

    :param tried: the step that made ``error``; shorter than ``proposed`` where it was clipped to land on a time.
    :param after_rejection: whether the attempt before this one was rejected: then the step may not grow.
    """
    alpha, beta = pi_exponents(error_order)
    safe = jnp.where(jnp.isfinite(error), error, jnp.inf)
    proportional = SAFETY * safe**-alpha
    factor = proportional * last_error**beta
    grown = tried * jnp.clip(factor, FACTOR_MIN, FACTOR_MAX)
    grown = jnp.where((tried < proposed) & (factor >= FACTOR_MAX), jnp.maximum(grown, proposed), grown)
    grown = jnp.where(after_rejection, jnp.minimum(grown, proposed), grown)
    shrunk = tried * jnp.maximum(proportional, FACTOR_MIN)
    return jnp.where(safe <= 1, grown, shrunk)


def floored(error: jax.Array) -> jax.Array:
    return jnp.maximum(error, ERROR_FLOOR)

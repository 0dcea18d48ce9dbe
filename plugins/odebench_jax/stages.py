"""One step of an explicit Runge–Kutta method on a state vector, as loops that trace f once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from odebench.tableau import ExplicitRungeKutta

from .flat import Field, Parts
from .indexing import row, with_parts


def combine(weights: Sequence[float] | jax.Array, k: jax.Array) -> jax.Array:
    """``Σ_i weights[i] k[i]``.

    Written out, since XLA fuses the sum into its surroundings (as a dot it would be a kernel of its own, rounded to
    TF32 or bfloat16 on accelerators; as a reduction it is several times slower on large states).
    """

    def weight(i: int) -> jax.Array | float:
        return lax.index_in_dim(weights, i, keepdims=False) if isinstance(weights, jax.Array) else weights[i]

    known_zero = [not isinstance(weights, jax.Array) and weights[i] == 0 for i in range(k.shape[0])]
    terms = [weight(i) * lax.index_in_dim(k, i, keepdims=False) for i, zero in enumerate(known_zero) if not zero]
    return sum(terms[1:], terms[0])


@dataclass(frozen=True, eq=False)
class Stages:
    """A tableau's coefficients as arrays, and the step that they define.

    ``k`` is always (s, n): the derivatives at the s stages.
    """

    tableau: ExplicitRungeKutta

    @cached_property
    def count(self) -> int:
        return self.tableau.stages

    @cached_property
    def _a(self) -> np.ndarray[Any, Any]:
        rows: list[Sequence[Any]] = [[*map(float, row), *[0.0] * (self.count - len(row))] for row in self.tableau.a]
        return np.array(rows)

    def a(self, dtype: Any) -> jax.Array:
        return jnp.asarray(self._a, dtype)

    @cached_property
    def b(self) -> list[float]:
        return [float(x) for x in self.tableau.b]

    def c(self, dtype: Any) -> jax.Array:
        return jnp.asarray([float(x) for x in self.tableau.c], dtype)

    def times(self, t0: jax.Array, t1: jax.Array) -> jax.Array:
        """The stages' times. Those with c = 1 are t1 itself: t0 + (t1 - t0) may round to beyond it."""
        c = self.c(t0.dtype)
        return jnp.where(c == 1, t1, t0 + c * (t1 - t0))

    def step(
        self, f: Field, t0: jax.Array, t1: jax.Array, y: jax.Array, k0: jax.Array, first: jax.Array | int
    ) -> tuple[jax.Array, jax.Array]:
        """k, and y at t1. ``first`` is 1 where ``k0 = f(t0, y)`` is known, else 0.

        The state of a stage is made at the end of the round before its own: what is carried from one to the next, XLA
        makes once, and not wherever f reads it.
        """
        weights = jnp.concatenate([self.a(y.dtype), jnp.asarray([self.b], y.dtype)])
        times, h = self.times(t0, t1), (t1 - t0).astype(y.dtype)

        def state(i: jax.Array | int, k: jax.Array) -> Parts:
            return f.split(y + h * combine(row(weights, i), k))

        def stage(i: jax.Array, carry: tuple[jax.Array, Parts]) -> tuple[jax.Array, Parts]:
            k, parts = carry
            k = with_parts(k, i, f.on_parts(row(times, i), parts))
            return k, state(i + 1, k)

        # Rows of stages to come are multiplied by 0, so they must be finite: zeros, not an older step's values.
        start = jnp.zeros((self.count, *y.shape), y.dtype).at[0].set(k0)
        k, parts = lax.fori_loop(first, self.count, stage, (start, state(first, start)))
        # Some parts' states may be nobody's business, as those of an adjoint's integrals: then they are not made.
        return k, parts[0] if len(parts) == 1 else self.advance(h, y, k)

    def advance(self, h: jax.Array, y: jax.Array, k: jax.Array) -> jax.Array:
        return y + h * combine(self.b, k)

    def dense_weights(self, theta: jax.Array) -> jax.Array:
        """``b_i(θ)`` of the continuous extension (HNW II.6); requires ``tableau.dense``."""
        coefficients = jnp.asarray(np.array(self.tableau.dense, dtype=float), theta.dtype)
        weights = jnp.zeros_like(coefficients[:, 0])
        for column in coefficients.T[::-1]:
            weights = theta * (column + weights)
        return weights

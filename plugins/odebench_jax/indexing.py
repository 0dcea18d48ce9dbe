"""Rows by a traced index, as one XLA instruction: ``x[i]`` and ``x.at[i].set`` also wrap and check the index."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax


def row(x: jax.Array, i: jax.Array | int) -> jax.Array:
    """``x[i]``, the last row where i is beyond it."""
    value: jax.Array = lax.dynamic_index_in_dim(x, _unsigned(i), 0, keepdims=False)
    return value


def with_row(x: jax.Array, i: jax.Array | int, value: jax.Array) -> jax.Array:
    """x with ``value`` in row i, in the last row where i is beyond it."""
    updated: jax.Array = lax.dynamic_update_index_in_dim(x, value, _unsigned(i), 0)
    return updated


def _unsigned(i: jax.Array | int) -> jax.Array:
    return jnp.asarray(i).astype(jnp.uint32)

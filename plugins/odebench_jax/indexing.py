"""Rows by a traced index, as one XLA instruction: ``x[i]`` and ``x.at[i].set`` also wrap and check the index."""

from __future__ import annotations

from collections.abc import Iterable

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


def with_part(x: jax.Array, i: jax.Array | int, j: int, value: jax.Array) -> jax.Array:
    """x (l, m, n) with ``value`` (m', n) in row i, from j on."""
    zero = jnp.zeros((), jnp.uint32)
    return lax.dynamic_update_slice(x, value[None], (_unsigned(i), _unsigned(j), zero))


def with_parts(x: jax.Array, i: jax.Array | int, parts: Iterable[jax.Array]) -> jax.Array:
    """x (m, n) with row i, which these parts make up from its start.

    Each is written by itself: XLA makes of their concatenation a loop that looks, at every number, where it is from.
    """
    start = 0
    for part in parts:
        x = lax.dynamic_update_slice(x, part[None], (_unsigned(i), _unsigned(start)))
        start += part.shape[0]
    return x


def _unsigned(i: jax.Array | int) -> jax.Array:
    return jnp.asarray(i).astype(jnp.uint32)

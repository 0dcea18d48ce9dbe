"""Loops that stay cheap under ``jax.vmap``."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax.custom_batching import custom_vmap


@custom_vmap
def any_lane(flag: jax.Array) -> jax.Array:
    """``flag``; under ``vmap``, whether it is set in any lane.

    A ``while_loop`` whose condition differs between lanes is batched with a ``select`` over everything that it
    carries, buffers included, in every iteration. With this condition it is not: the body runs for all lanes until
    the last one is done, and must itself leave alone the lanes that are.
    """
    return flag


@any_lane.def_vmap
def _any_lane(axis_size: int, in_batched: list[bool], flag: jax.Array) -> tuple[jax.Array, bool]:
    del axis_size
    return any_lane(jnp.any(flag, axis=0) if in_batched[0] else flag), False


@custom_vmap
def this_lane(flag: jax.Array) -> jax.Array:
    """In the body of such a loop: whether it runs for this lane. Constant without ``vmap``, so masks cost nothing."""
    return jnp.ones_like(flag)


@this_lane.def_vmap
def _this_lane(axis_size: int, in_batched: list[bool], flag: jax.Array) -> tuple[jax.Array, bool]:
    del axis_size
    return (flag, True) if in_batched[0] else (this_lane(flag), False)

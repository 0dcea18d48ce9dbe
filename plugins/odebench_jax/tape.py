"""What a solve records for its reverse, in memory that does not grow with the number of steps."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from .indexing import with_row

MEMORY = 2**26
"""Bytes that the states on a tape may take, as long as :data:`FEWEST` fit in."""
FEWEST, MOST = 16, 128
SPARE = 16


class Row(NamedTuple):
    """A step: the state that it starts from and its stages' derivatives, together (1 + s, n)."""

    values: jax.Array

    @classmethod
    def of(cls, y: jax.Array, k: jax.Array) -> Row:
        return cls(jnp.concatenate([y[None], k]))

    @property
    def y(self) -> jax.Array:
        return self.values[0]

    @property
    def k(self) -> jax.Array:
        return self.values[1:]


class Tape(NamedTuple):
    """The knots of all accepted steps, and the rows of every 2^``thinned``-th step.

    When the slots are full every second row is dropped and the others move together. So at
    least half of the slots are in use, whatever the number of steps (online checkpointing). ``SPARE`` further slots
    are for the reverse, and one takes the rows that are not kept.
    """

    count: jax.Array
    thinned: jax.Array  # so many times: the stride is 2^thinned
    knots: jax.Array
    slots: jax.Array

    @classmethod
    def empty(cls, y0: jax.Array, t0: jax.Array, stages: int, max_steps: int) -> Tape:
        row = (stages + 1, *y0.shape)
        kept = min(MOST, max(FEWEST, MEMORY // max(1, (stages + 1) * y0.size * y0.dtype.itemsize)), max_steps)
        kept += kept % 2
        return cls(
            count=jnp.zeros((), jnp.int32),
            thinned=jnp.zeros((), jnp.int32),
            knots=lax.empty((max_steps + 1,), t0.dtype).at[0].set(t0),
            slots=lax.empty((kept + SPARE + 1, *row), y0.dtype),
        )

    @property
    def kept(self) -> int:
        return self.slots.shape[0] - SPARE - 1

    def write(self, y: jax.Array, k: jax.Array, t1: jax.Array, keep: jax.Array) -> Tape:
        """Write a step to t1. Unless ``keep``, the next step overwrites it."""
        slot = self.count >> self.thinned
        slot = jnp.where(slot << self.thinned == self.count, slot, self.slots.shape[0] - 1)
        slots = with_row(self.slots, slot, Row.of(y, k).values)
        knots = with_row(self.knots, self.count + 1, t1)
        return Tape(self.count + keep, self.thinned, knots, slots)._thin()

    def _thin(self) -> Tape:
        """A ``while_loop`` for an if, since it updates the slots in place where a ``cond`` may copy them."""
        half = self.kept // 2

        def full(tape: Tape) -> jax.Array:
            return tape.count >> tape.thinned >= tape.kept

        def thin(tape: Tape) -> Tape:
            slots = lax.dynamic_update_slice_in_dim(tape.slots, tape.slots[: 2 * half : 2], 0, 0)
            return tape._replace(thinned=tape.thinned + 1, slots=slots)

        return lax.while_loop(full, thin, self)

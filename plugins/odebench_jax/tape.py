"""What a solve records for its reverse, in memory that does not grow with the number of steps."""

from __future__ import annotations

from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from .indexing import row, with_part, with_row

MEMORY = 2**21
"""Bytes that a tape may take, as long as :data:`FEWEST` rows fit in. On a CPU XLA writes zeros to all of it first."""
FEWEST, MOST = 16, 96
SPARE = 8
ALL = 2**28
"""Bytes that the states of all accepted steps may take; a longer solve is thinned like any other."""

Checkpoints = int | Literal["all"] | None
"""See :class:`odebench.contract.ReplayedSolve`."""


class Row(NamedTuple):
    """A step: the state that it starts from (n,), and its stages' derivatives (s, n), or the first of them.

    In a slot they lie together, (1 + s, n).
    """

    y: jax.Array
    k: jax.Array

    @classmethod
    def of(cls, slots: jax.Array, i: jax.Array | int) -> Row:
        values = row(slots, i)
        return cls(values[0], values[1:])

    def write(self, slots: jax.Array, i: jax.Array | int) -> jax.Array:
        """The slots with as much of this row in slot i as it holds."""
        slots = with_part(slots, i, 0, self.y[None])
        room = slots.shape[1] - 1
        return with_part(slots, i, 1, self.k[:room]) if room else slots


class Tape(NamedTuple):
    """The knots of all accepted steps, and the rows of every 2^``thinned``-th step.

    When the slots are full every second row is dropped and the others move together, so at least half of the slots
    are in use, whatever the number of steps. Up to ``SPARE`` of the slots, a third of few, are for the reverse, and
    one takes the rows that are not kept.
    """

    steps: jax.Array  # so many are on the tape
    thinned: jax.Array  # so many times: the stride is 2^thinned
    knots: jax.Array
    slots: jax.Array

    @classmethod
    def empty(cls, y0: jax.Array, t0: jax.Array, stages: int, max_steps: int, checkpoints: Checkpoints = None) -> Tape:
        """A tape of whole steps where ``checkpoints`` is None, else of states only, so many or of all steps."""
        if checkpoints is None:
            slots = min(MOST, fitting(MEMORY, y0, stages + 1), max_steps + SPARE)
            return cls.blank(y0, t0, stages + 1, slots, max_steps)
        slots = min(fitting(ALL, y0, 1), max_steps) + SPARE if checkpoints == "all" else checkpoints
        return cls.blank(y0, t0, 1, slots, max_steps)

    @classmethod
    def blank(cls, y0: jax.Array, t0: jax.Array, width: int, slots: int, max_steps: int) -> Tape:
        return cls(
            steps=jnp.zeros((), jnp.int32),
            thinned=jnp.zeros((), jnp.int32),
            knots=lax.empty((max_steps + 1,), t0.dtype).at[0].set(t0),
            slots=lax.empty((slots + 1, width, *y0.shape), y0.dtype),
        )

    @property
    def kept(self) -> int:
        slots = self.slots.shape[0] - 1
        return slots - min(SPARE, slots // 3)

    def write(self, y: jax.Array, k: jax.Array, t1: jax.Array, keep: jax.Array) -> Tape:
        """Write a step to t1. Unless ``keep``, the next step overwrites it."""
        slot = self.steps >> self.thinned
        slot = jnp.where(slot << self.thinned == self.steps, slot, self.slots.shape[0] - 1)
        slots = Row(y, k).write(self.slots, slot)
        knots = with_row(self.knots, self.steps + 1, t1)
        return Tape(self.steps + keep, self.thinned, knots, slots)._thin()

    def _thin(self) -> Tape:
        """A ``while_loop`` for an if, since it updates the slots in place where a ``cond`` may copy them."""

        def full(carry: tuple[jax.Array, Tape]) -> jax.Array:
            _, tape = carry
            return tape.steps >> tape.thinned >= tape.kept

        def move(carry: tuple[jax.Array, Tape]) -> tuple[jax.Array, Tape]:
            i, tape = carry
            done = i + 1 >= (self.kept + 1) // 2
            slots = with_row(tape.slots, i, row(tape.slots, 2 * i))
            return jnp.where(done, 1, i + 1), tape._replace(thinned=tape.thinned + done, slots=slots)

        return lax.while_loop(full, move, (jnp.ones((), jnp.int32), self))[1]


def fitting(memory: int, y0: jax.Array, width: int) -> int:
    """How many rows of ``width`` states fit in so many bytes; :data:`FEWEST` do."""
    return max(FEWEST, memory // max(1, width * y0.size * y0.dtype.itemsize))

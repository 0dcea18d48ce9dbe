"""What a solve records for its reverse: every knot, and states in memory that does not grow with the steps.

As :mod:`odebench_jax.tape` and :mod:`odebench_jax.stack`, for rows that are trees, of which there may be any number.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from odebench_jax.indexing import row as at
from odebench_jax.indexing import with_row
from odebench_jax.tape import ALL, FEWEST, MEMORY, MOST

SPARE = 8
"""Of the states kept, so many at most are for the reverse."""

Row = tuple[jax.Array, Any]
"""The state and the memory that a step starts from."""


def fitting(memory: int, row: Row) -> int:
    """How many such rows fit in so many bytes; :data:`odebench_jax.tape.FEWEST` do."""
    size: int = sum(x.size * x.dtype.itemsize for x in jax.tree.leaves(row))
    return max(FEWEST, memory // max(1, size))


def rows(slots: Row, i: jax.Array | int) -> Row:
    picked: Row = jax.tree.map(lambda x: at(x, i), slots)
    return picked


def with_rows(slots: Row, i: jax.Array | int, row: Row) -> Row:
    written: Row = jax.tree.map(lambda x, value: with_row(x, i, value), slots, row)
    return written


class Tape(NamedTuple):
    """The knots and choices of all accepted steps, and the rows of every 2^``thinned``-th.

    When the slots are full every second row is dropped and the others move together. The last slot takes what is not
    kept, ``spare`` before it are for the reverse.
    """

    steps: jax.Array  # so many are on the tape
    thinned: jax.Array
    knots: jax.Array
    choices: jax.Array
    slots: Row
    kept: jax.Array

    @classmethod
    def empty(cls, row: Row, t0: jax.Array, max_steps: int, checkpoints: int | Literal["all"] | None) -> Tape:
        """A tape for rows like this one; of "all" rows, as many as fit in :data:`odebench_jax.tape.ALL` bytes."""
        if checkpoints == "all":
            kept, spare = min(fitting(ALL, row), max_steps), SPARE
        else:
            number = min(MOST, fitting(MEMORY, row)) if checkpoints is None else checkpoints
            spare = min(SPARE, number // 3)
            kept = min(number - spare, max_steps)
        return cls(
            steps=jnp.zeros((), jnp.int32),
            thinned=jnp.zeros((), jnp.int32),
            knots=lax.empty((max_steps + 1,), t0.dtype).at[0].set(t0),
            choices=lax.empty((max_steps,), jnp.int32),
            slots=jax.tree.map(lambda x: lax.empty((kept + spare + 1, *x.shape), x.dtype), row),
            kept=jnp.asarray(kept, jnp.int32),
        )

    @property
    def dump(self) -> int:
        """The slot for what is not kept."""
        return int(self.slots[0].shape[0]) - 1

    def write(self, row: Row, choice: jax.Array, t1: jax.Array, keep: jax.Array) -> Tape:
        """Write a step from ``row`` to t1. Unless ``keep``, the next step overwrites it."""
        slot = self.steps >> self.thinned
        slot = jnp.where(slot << self.thinned == self.steps, slot, self.dump)
        return self._replace(
            steps=self.steps + keep,
            knots=with_row(self.knots, self.steps + 1, t1),
            choices=with_row(self.choices, self.steps, choice),
            slots=with_rows(self.slots, slot, row),
        )._thin()

    def _thin(self) -> Tape:
        """A ``while_loop`` for an if, since it updates the slots in place where a ``cond`` may copy them."""

        def full(tape: Tape) -> jax.Array:
            return tape.steps >> tape.thinned >= tape.kept

        def halve(tape: Tape) -> Tape:
            def move(i: jax.Array, slots: Row) -> Row:
                return with_rows(slots, i, rows(slots, 2 * i))

            return tape._replace(
                thinned=tape.thinned + 1, slots=lax.fori_loop(1, (tape.kept + 1) // 2, move, tape.slots)
            )

        return lax.while_loop(full, halve, self)


class Stack(NamedTuple):
    """Rows in ascending order: ``slots[i]`` is of step ``steps[i]``, up to ``top``; those above are free.

    A step that is not there is reached from the nearest row below it. On the way every step is stored if the free
    slots suffice, else the one half-way.
    """

    top: jax.Array
    steps: jax.Array
    slots: Row

    @classmethod
    def of(cls, tape: Tape) -> Stack:
        steps = jnp.arange(tape.dump + 1, dtype=jnp.int32) << tape.thinned
        return cls((tape.steps - 1) >> tape.thinned, steps, tape.slots)

    def row(self, n: jax.Array, following: Callable[[Row, jax.Array], Row]) -> tuple[Row, Stack]:
        """The row of step n, and the stack without it. n descends from call to call.

        :param following: takes the row of a step, and its number, to the row of the next.
        """
        last = self.steps.shape[0] - 2
        start, room = at(self.steps, self.top), last - self.top
        distance = n - start
        stride = jnp.where(distance - 1 <= room, 1, (distance + 1) >> 1)

        def forward(carry: tuple[jax.Array, Row, Stack]) -> tuple[jax.Array, Row, Stack]:
            m, row, stack = carry
            m, row = m + 1, following(row, m)
            store = (lax.rem(m - start, stride) == 0) & (m < n) & (stack.top < last)
            top = stack.top + store
            slot = jnp.where(store, top, last + 1)
            return m, row, Stack(top, with_row(stack.steps, slot, m), with_rows(stack.slots, slot, row))

        row = rows(self.slots, self.top)
        _, row, stack = lax.while_loop(lambda carry: carry[0] < n, forward, (start, row, self))
        return row, stack._replace(top=stack.top - (at(stack.steps, stack.top) == n))

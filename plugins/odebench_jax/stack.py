"""The recorded steps, given out from the last to the first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from .flat import Field
from .indexing import row as at
from .indexing import with_row
from .stages import Stages
from .tape import Row, Tape


@dataclass(frozen=True)
class Replay:
    """Steps of known length, taken again."""

    stages: Stages
    f: Field
    knots: jax.Array

    def whole(self, row: Row, m: jax.Array) -> Row:
        """The row of step m, of which perhaps only the state has been kept."""
        if row.k.shape[0] > 0:
            return row
        t0, t1 = at(self.knots, m), at(self.knots, m + 1)
        return Row(row.y, self.stages.step(self.f, t0, t1, row.y, jnp.zeros_like(row.y), 0)[0])

    def following(self, row: Row, m: jax.Array) -> Row:
        """The row of step m + 1, from that of step m."""
        t0, t1, t2 = (at(self.knots, m + i) for i in range(3))
        y = self.stages.advance((t1 - t0).astype(row.y.dtype), row.y, row.k)
        if not self.stages.tableau.fsal:
            return Row(y, self.stages.step(self.f, t1, t2, y, jnp.zeros_like(y), 0)[0])
        k0 = jnp.where(t0 == t1, row.k[0], row.k[-1])  # equal where the step was another lane's
        return Row(y, self.stages.step(self.f, t1, t2, y, k0, 1)[0])


class Stack(NamedTuple):
    """Rows in ascending order: ``slots[i]`` is of step ``steps[i]``, up to ``top``; the slots above are free.

    A step that is not there is reached by steps of known length from the nearest row below it. On the way every
    step is stored if the free slots suffice, else the one half-way: at a stride of S the reverse takes at most
    ``log2(S)/2 + 1`` further passes over the steps, and one where the stride does not exceed the free slots.
    """

    top: jax.Array
    steps: jax.Array
    slots: jax.Array

    @classmethod
    def of(cls, tape: Tape) -> Stack:
        steps = jnp.arange(tape.slots.shape[0], dtype=jnp.int32) << tape.thinned
        return cls((tape.steps - 1) >> tape.thinned, steps, tape.slots)

    def row(self, n: jax.Array, replay: Replay) -> tuple[Row, Stack]:
        """The row of step n, and the stack without it. n descends from call to call."""
        start, room = at(self.steps, self.top), self.steps.shape[0] - 2 - self.top
        distance = n - start
        stride = jnp.where(distance - 1 <= room, 1, (distance + 1) >> 1)

        def forward(carry: tuple[jax.Array, Row, Stack]) -> tuple[jax.Array, Row, Stack]:
            m, row, stack = carry
            m, row = m + 1, replay.following(row, m)
            store = (lax.rem(m - start, stride) == 0) & (m < n) & (stack.top < stack.steps.shape[0] - 2)
            top = stack.top + store
            # What is not stored is written to the last slot, which is kept for that.
            slot = jnp.where(store, top, stack.steps.shape[0] - 1)
            return m, row, Stack(top, with_row(stack.steps, slot, m), row.write(stack.slots, slot))

        row = replay.whole(Row.of(self.slots, self.top), start)
        _, row, stack = lax.while_loop(lambda carry: carry[0] < n, forward, (start, row, self))
        return row, stack._replace(top=stack.top - (at(stack.steps, stack.top) == n))

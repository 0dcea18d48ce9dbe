"""Gradients with respect to ts, gathered from the knots between the steps."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp


class Knots(NamedTuple):
    """What the knots passed so far, from the last to the first, have gathered.

    :param ts: cotangent of ts, (T,).
    :param here: cotangent of the knot to be passed next, from the step that starts there.
    :param free: sum of the cotangents of knots that wait for the knot that they are counted from.
    :param weighted: the same, each times its knot; None unless the steps are equal parts of ``ts[-1] - ts[0]``.
    """

    ts: jax.Array
    here: jax.Array
    free: jax.Array
    weighted: jax.Array | None

    @classmethod
    def zero(cls, ts: jax.Array, equal: bool) -> Knots:
        zero = jnp.zeros((), ts.dtype)
        return cls(jnp.zeros_like(ts), zero, zero, zero if equal else None)

    def passed(self, ts: jax.Array, t1: jax.Array, tied: jax.Array, start_bar: jax.Array, end_bar: jax.Array) -> Knots:
        """Pass t1, where the step ends whose ends have these cotangents; ``tied``: ts[tied] is t1, -1 if none is."""
        total = self.here + end_bar
        settled = self._settle(ts, t1, tied, total)
        free = Knots(
            self.ts,
            start_bar,
            self.free + total,
            None if self.weighted is None else self.weighted + total * t1,
        )
        chosen: Knots = jax.tree.map(lambda a, b: jnp.where(tied >= 0, a, b), settled._replace(here=start_bar), free)
        return chosen

    def finish(self, ts: jax.Array) -> jax.Array:
        return self._settle(ts, ts[0], jnp.zeros((), jnp.int32), self.here).ts

    def _settle(self, ts: jax.Array, t: jax.Array, tied: jax.Array, total: jax.Array) -> Knots:
        zero = jnp.zeros_like(total)
        ts_bar = self.ts.at[tied].add(total + self.free)
        if self.weighted is None:
            return Knots(ts_bar, zero, zero, None)
        # Knot t + m h with h = (ts[-1] - ts[0]) / N moves by m / N with ts[-1], and m / N is (knot - t) over the span.
        stretch = (self.weighted - t * self.free) / (ts[-1] - ts[0])
        return Knots(ts_bar.at[-1].add(stretch).at[0].add(-stretch), zero, zero, zero)

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

    def passed(self, t1: jax.Array, tied: jax.Array, start_bar: jax.Array, end_bar: jax.Array, adaptive: bool) -> Knots:
        """Pass t1, where the step ends whose ends have these cotangents; ``tied``: ts[tied] is t1, -1 if none is.

        Adaptive steps are counted from the last time of ts that was landed on, equal ones from ts[0].
        """
        total, is_tied, zero = self.here + end_bar, tied >= 0, jnp.zeros_like(self.here)
        settled = total + self.free if adaptive else total
        return Knots(
            ts=self.ts.at[tied].add(jnp.where(is_tied, settled, zero)),
            here=start_bar,
            free=jnp.where(is_tied, zero if adaptive else self.free, self.free + total),
            weighted=None if self.weighted is None else self.weighted + jnp.where(is_tied, zero, total * t1),
        )

    def finish(self, ts: jax.Array) -> jax.Array:
        """The cotangent of ts, with ts[0] passed too."""
        ts_bar = self.ts.at[0].add(self.here + self.free)
        if self.weighted is None:
            return ts_bar
        # Knot ts[0] + m h with h = (ts[-1] - ts[0]) / N moves by m / N with ts[-1]: its part of the span.
        stretch = (self.weighted - ts[0] * self.free) / (ts[-1] - ts[0])
        return ts_bar.at[-1].add(stretch).at[0].add(-stretch)

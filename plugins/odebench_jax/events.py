"""Where an event is on a path: see :class:`odebench.events.Locate`."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from odebench.contract import Dynamics, PyTree, SolveError, Status
from odebench.events import LOOKS, Dense, EventFunction


def locate(
    dense: Dense, f: Dynamics, y0: PyTree, ts: Any, params: PyTree, g: EventFunction, direction: int
) -> jax.Array:
    """By looking at the ends of equal intervals at once, and halving the first one in which the sign changes.

    A look at just 0 before the last one is passed over: whether the sign changes there, the next one tells.
    """
    y0, ts, params = jax.tree.map(lambda x: lax.stop_gradient(jnp.asarray(x)), (y0, ts, params))
    _, _, path = dense(f, y0, ts[jnp.array([0, -1])], params)

    def value(t: jax.Array) -> jax.Array:
        return lax.stop_gradient(jnp.asarray(g(t, path(t), params)))

    grid = jnp.linspace(ts[0], ts[-1], LOOKS + 1, dtype=ts.dtype)
    sign = jnp.sign(jax.vmap(value)(grid))
    looks = jnp.arange(LOOKS + 1)
    start = lax.cummax(jnp.where(sign != 0, looks, 0))[:-1]
    before, after = sign[start], sign[1:]
    changes = (before * after < 0) | ((before * after == 0) & (before != 0) & (looks[1:] == LOOKS))
    crossed = changes & (before * direction <= 0)
    n = jnp.argmax(crossed)

    def halve(_: int, bracket: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        low, high = bracket
        middle = low + (high - low) / 2
        inside = value(middle) * before[n] > 0
        # An interval that cannot be halved stays as it is.
        inside, outside = inside & (middle != high), ~inside & (middle != low)
        return jnp.where(inside, middle, low), jnp.where(outside, middle, high)

    _, high = lax.fori_loop(0, jnp.finfo(ts.dtype).nmant + 3, halve, (grid[start[n]], grid[n + 1]))
    found = jnp.any(crossed)
    if not isinstance(found, jax.core.Tracer) and not found:
        raise SolveError(Status.no_event)
    return lax.stop_gradient(jnp.where(found, high, jnp.nan))

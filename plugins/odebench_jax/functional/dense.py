"""The path of a solve: its steps, and what lies between their ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax.tree_util import Partial

from odebench.contract import PyTree, Stats, Status
from odebench_jax.dense import MEMORY
from odebench_jax.flat import Layout
from odebench_jax.forward import Knobs
from odebench_jax.indexing import row as at

from .loop import Plan, integrate
from .method import Method, Params
from .tape import Row, Tape, fitting, rows


def integrate_dense(
    plan: Plan, layout: Layout, y0: jax.Array, ts: jax.Array, params: Params, knobs: Knobs
) -> tuple[jax.Array, Stats, Callable[[Any], PyTree]]:
    """ys (T, n), stats, and the path as a pytree: its arrays are the tape's."""
    room = [plan.max_steps]

    def blank(row: Row) -> Tape:
        room.append(fitting(MEMORY, row))
        return Tape.empty(row, ts[0], min(room), "all")

    end = integrate(plan, y0, ts, params, knobs, blank, inner=True)
    tape = end.tape
    assert tape is not None
    # Knots beyond the last are what was in memory.
    knots = jnp.where(jnp.arange(tape.knots.shape[0]) <= tape.steps, tape.knots, ts[-1])
    poison = jnp.where(end.stats.status == Status.ok, 0.0, jnp.nan).astype(y0.dtype)
    return end.ys, end.stats, Partial(_Path(plan.method, layout), tape._replace(knots=knots), poison)


@dataclass(frozen=True)
class _Path:
    method: Method
    layout: Layout

    def __call__(self, tape: Tape, poison: jax.Array, t: Any) -> PyTree:
        """y at a scalar t."""
        t, knots = jnp.asarray(t, tape.knots.dtype), tape.knots
        sign = jnp.sign(knots[-1] - knots[0])
        # The first knot at t or beyond it ends a step of some length, whatever other lanes did; none ends at the first.
        beyond = jnp.searchsorted(sign * knots, sign * t, side="left")
        following = jnp.searchsorted(sign * knots, sign * knots[0], side="right")
        n = jnp.clip(jnp.maximum(beyond, following) - 1, 0, jnp.maximum(tape.steps - 1, 0))
        t0, t1, choice = at(knots, n), at(knots, n + 1), at(tape.choices, n)
        return self.layout.unravel(self.method.between(t, t0, t1, choice, *rows(tape.slots, n)) + poison)

"""The path of a solve: its steps, and what lies between their ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
from jax.tree_util import Partial

from odebench.contract import PyTree, Stats, Status

from .flat import Layout
from .forward import Knobs, Plan, integrate
from .indexing import row as at
from .stages import Stages, combine
from .tape import SPARE, Row, Tape, fitting

MEMORY = 2**30
"""Bytes that a path may take."""


def integrate_dense(
    plan: Plan, layout: Layout, y0: jax.Array, ts: jax.Array, params: Any, knobs: Knobs
) -> tuple[jax.Array, Stats, Callable[[Any], PyTree]]:
    """ys (T, n), stats, and the path as a pytree: its arrays are the tape's."""
    hermite = plan.stages.tableau.dense is None
    width = 2 if hermite else plan.stages.count + 1
    plan = replace(plan, max_steps=min(plan.max_steps, fitting(MEMORY, y0, width)))
    tape = Tape.blank(y0, ts[0], width, plan.max_steps + SPARE, plan.max_steps)
    ys, stats, taped = integrate(plan, y0, ts, params, knobs, tape)
    tape = tape if taped is None else taped
    slots = tape.slots
    if hermite:
        end = ys[-1]
        slots = Row(end, plan.field(params)(ts[-1], end)[None]).write(slots, tape.steps)
        stats = stats._replace(nfe=stats.nfe + 1)
    # Knots beyond the last are what was in memory.
    passed = jnp.arange(tape.knots.shape[0]) <= tape.steps
    knots = jnp.where(passed, tape.knots, ts[-1])
    poison = jnp.where(stats.status == Status.ok, 0.0, jnp.nan).astype(y0.dtype)
    return ys, stats, Partial(_Path(plan.stages, layout, hermite), knots, tape.steps, slots, poison)


@dataclass(frozen=True)
class _Path:
    stages: Stages
    layout: Layout
    hermite: bool

    def __call__(self, knots: jax.Array, steps: jax.Array, slots: jax.Array, poison: jax.Array, t: Any) -> PyTree:
        """y at a scalar t."""
        t = jnp.asarray(t, knots.dtype)
        sign = jnp.sign(knots[-1] - knots[0])
        n = jnp.searchsorted(sign * knots, sign * t, side="right") - 1
        n = jnp.clip(n, 0, jnp.maximum(steps - 1, 0))
        t0, length = at(knots, n), at(knots, n + 1) - at(knots, n)
        theta = jnp.where(length == 0, 0, (t - t0) / length).astype(slots.dtype)
        row, h = Row.of(slots, n), length.astype(slots.dtype)
        y = _cubic(theta, h, row, Row.of(slots, n + 1)) if self.hermite else self._continued(theta, h, row)
        return self.layout.unravel(y + poison)

    def _continued(self, theta: jax.Array, h: jax.Array, row: Row) -> jax.Array:
        y: jax.Array = row.y + h * combine(self.stages.dense_weights(theta), row.k)
        return y


def _cubic(theta: jax.Array, h: jax.Array, start: Row, end: Row) -> jax.Array:
    """Hermite's interpolant of two states and their derivatives (HNW II.6, eq. 6.7)."""
    y0, f0, y1, f1 = start.y, start.k[0], end.y, end.k[0]
    bend = (1 - 2 * theta) * (y1 - y0) + (theta - 1) * h * f0 + theta * h * f1
    y: jax.Array = (1 - theta) * y0 + theta * y1 + theta * (theta - 1) * bend
    return y

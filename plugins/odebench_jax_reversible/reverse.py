"""The steps of reversible Heun undone, with the gradient of the discrete map (Kidger et al. 2021, algorithm 2).

The knots between the steps depend on ts as :mod:`odebench_jax.reverse` says.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from odebench_jax.indexing import row as at
from odebench_jax.knots import Knots

Params = list[jax.Array]


class Ends(NamedTuple):
    """What the forward solve hands on: no state but the last."""

    steps: jax.Array
    y: jax.Array
    z: jax.Array
    knots: jax.Array
    ok: jax.Array


class _Carry(NamedTuple):
    """The knot after knot n: its state, its cotangents, and what it is to ts."""

    n: jax.Array
    j: jax.Array  # the next output, from the last to the first
    y: jax.Array
    z: jax.Array
    v: jax.Array
    y_bar: jax.Array
    z_bar: jax.Array
    params_bar: Params
    tied: jax.Array
    knots: Knots | None


def reverse(
    f: Any,
    ts: jax.Array,
    params: Params,
    varied: list[int],
    ends: Ends,
    g: jax.Array,
    *,
    timed: bool,
    adaptive: bool,
    equal: bool,
) -> tuple[jax.Array, jax.Array | None, Params]:
    """Cotangents of y0, of ts (None unless ``timed``) and of the parameters that ``varied`` names.

    One evaluation of f and one VJP a knot: at knot n, v is both the start of step n and the end of step n - 1, whose
    lengths are known, so that its cotangent is complete before f is linearised there.

    :param g: cotangent of ys, (T, n).
    :param equal: whether the steps are equal parts of ``ts[-1] - ts[0]``.
    """

    some = [params[i] for i in varied]

    def dynamics(t: jax.Array, z: jax.Array, some: Params) -> jax.Array:
        full = list(params)
        for i, p in zip(varied, some, strict=True):
            full[i] = p
        dz: jax.Array = f(t, z, full)
        return dz

    def length(n: jax.Array) -> jax.Array:
        """Of step n; 0 of those before the first and after the last."""
        inside = (n >= 0) & (n < ends.steps)
        start = jnp.clip(n, 0, ends.steps)
        return jnp.where(inside, at(ends.knots, start + 1) - at(ends.knots, start), 0).astype(g.dtype)

    def knot(c: _Carry) -> _Carry:
        t, h, before = at(ends.knots, c.n), length(c.n), length(c.n - 1)
        z = 2 * c.y - c.z - h * c.v
        landed = t == at(ts, c.j)
        y_bar = c.y_bar + 2 * c.z_bar + jnp.where(landed, at(g, c.j), 0)
        v_bar = h * (c.y_bar / 2 + c.z_bar) + before / 2 * y_bar
        v, pull = jax.vjp(dynamics, t, z, some) if timed else jax.vjp(partial(dynamics, t), z, some)
        *t_bar, pulled, params_bar = pull(v_bar)
        knots = c.knots
        if knots is not None:
            h_bar = (jnp.vdot(c.y_bar, (v + c.v) / 2) + jnp.vdot(c.z_bar, v)).astype(ts.dtype)
            knots = knots.passed(at(ends.knots, c.n + 1), c.tied, t_bar[0] - h_bar, h_bar, adaptive)
        return _Carry(
            n=c.n - 1,
            j=c.j - landed,
            y=c.y - h / 2 * (v + c.v),
            z=z,
            v=v,
            y_bar=y_bar,
            z_bar=pulled - c.z_bar,
            params_bar=[p + q for p, q in zip(c.params_bar, params_bar, strict=True)],
            tied=jnp.where(landed, c.j, -1),
            knots=knots,
        )

    poison = jnp.where(ends.ok, 0.0, jnp.nan)
    zero = jnp.zeros_like(ends.y)
    # Before the first of these "steps", one of length 0 leads from the last knot to itself.
    start = _Carry(
        n=ends.steps,
        j=jnp.full((), ts.shape[0] - 1, jnp.int32),
        y=ends.y,
        z=2 * ends.y - ends.z,
        v=zero,
        y_bar=zero,
        z_bar=zero,
        params_bar=[jnp.full_like(params[i], poison) for i in varied],
        tied=jnp.full((), -1, jnp.int32),
        knots=Knots.zero(ts, equal) if timed else None,
    )
    end = lax.while_loop(lambda c: c.n >= 0, knot, start)
    ts_bar = None if end.knots is None else end.knots.finish(ts) + poison.astype(ts.dtype)
    return end.y_bar + end.z_bar + poison.astype(g.dtype), ts_bar, end.params_bar

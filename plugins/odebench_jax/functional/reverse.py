"""The gradient of the discrete map: each accepted step is taken again, from the last to the first, and pulled back.

Step sizes and choices are constants. How the knots move with ts is told in :mod:`odebench_jax.reverse`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from odebench_jax.forward import Knobs
from odebench_jax.indexing import row as at
from odebench_jax.knots import Knots
from odebench_jax.lanes import any_lane, this_lane

from .loop import Plan
from .method import Params
from .tape import Row, Stack, Tape


class _Carry(NamedTuple):
    n: jax.Array
    stack: Stack
    j: jax.Array  # the next output, from the last to the first
    row: Row  # cotangent of state and memory after step n
    params: Params
    knots: Knots | None


def _select(flag: jax.Array, new: Any, old: Any) -> Any:
    return jax.tree.map(lambda a, b: jnp.where(flag, a, b), new, old)


def reverse(
    plan: Plan,
    y0: jax.Array,
    ts: jax.Array,
    params: Params,
    varied: list[int],
    knobs: Knobs,
    tape: Tape,
    g: jax.Array,
    ok: jax.Array,
    timed: bool,
) -> tuple[jax.Array, jax.Array | None, Params]:
    """Cotangents of y0, of ts (None unless ``timed``) and of the parameters that ``varied`` names.

    :param g: cotangent of ys, (T, n).
    :param ok: whether the solve succeeded; the cotangents are NaN if not.
    """
    method, last = plan.method, ts.shape[0] - 1
    problem = plan.problem(params, knobs)
    some = [params[i] for i in varied]

    def with_some(some: Params) -> Params:
        full = list(params)
        for i, p in zip(varied, some, strict=True):
            full[i] = p
        return full

    def following(row: Row, m: jax.Array) -> Row:
        t0, t1 = at(tape.knots, m), at(tape.knots, m + 1)
        advance = method.step(problem, t0, t1, at(tape.choices, m), *row)
        moved: Row = _select(this_lane(t0 != t1), (advance.y, advance.memory), row)
        return moved

    def outputs(
        c: _Carry, t0: jax.Array, t1: jax.Array, choice: jax.Array, y: jax.Array, inner: Any
    ) -> tuple[_Carry, tuple[Any, ...]]:
        """Cotangents of the step's ends, state and ``inner`` from the outputs that were interpolated within it."""

        def inside(j: jax.Array) -> jax.Array:
            return (j > 0) & ((at(ts, j) - t0) * (t1 - t0) > 0)

        def between(t: jax.Array, t0: jax.Array, t1: jax.Array, y: jax.Array, inner: Any) -> jax.Array:
            return method.between(t, t0, t1, choice, y, inner)

        def output(carry: tuple[jax.Array, Any, jax.Array]) -> tuple[jax.Array, Any, jax.Array]:
            j, bars, ts_bar = carry
            here = this_lane(inside(j))
            t_bar, *more = jax.vjp(between, at(ts, j), t0, t1, y, inner)[1](at(g, j))
            bars = _select(here, jax.tree.map(jnp.add, bars, tuple(more)), bars)
            return j - here, bars, ts_bar.at[j].add(jnp.where(here, t_bar, 0))

        bars = jax.tree.map(jnp.zeros_like, (t0, t1, y, inner))
        if last == 1 or plan.landing:
            return c, bars
        ts_bar = jnp.zeros_like(ts) if c.knots is None else c.knots.ts
        j, bars, ts_bar = lax.while_loop(lambda carry: any_lane(inside(carry[0])), output, (c.j, bars, ts_bar))
        return c._replace(j=j, knots=None if c.knots is None else c.knots._replace(ts=ts_bar)), bars

    def step(c: _Carry) -> _Carry:
        row, stack = c.stack.row(c.n, following)
        t0, t1, choice = at(tape.knots, c.n), at(tape.knots, c.n + 1), at(tape.choices, c.n)
        moved = this_lane(t0 != t1)  # else it was another lane's step

        def forward(t0: jax.Array, t1: jax.Array, row: Row, some: Params) -> tuple[Row, Any]:
            advance = method.step(problem.with_params(with_some(some)), t0, t1, choice, *row)
            return (advance.y, advance.memory), advance.inner

        (_, inner), pull = (
            jax.vjp(forward, t0, t1, row, some)
            if timed
            else jax.vjp(lambda row, some: forward(t0, t1, row, some), row, some)
        )
        landed = jnp.zeros((), bool)
        if plan.landing or not plan.adaptive:
            landed = moved & (t1 == at(ts, c.j)) & (c.j > 0)
            c = c._replace(row=(jnp.where(landed, c.row[0] + at(g, c.j), c.row[0]), c.row[1]), j=c.j - landed)
        c, (t0_bar, t1_bar, y_bar, inner_bar) = outputs(c, t0, t1, choice, row[0], inner)
        *ends_bar, row_bar, some_bar = pull((c.row, inner_bar))
        row_bar = (row_bar[0] + y_bar, row_bar[1])
        knots = c.knots
        if knots is not None:
            start_bar, end_bar = ends_bar
            tied = jnp.where(landed, c.j + 1, jnp.where(t1 == ts[-1], last, -1))
            passed = knots.passed(t1, tied, start_bar + t0_bar, end_bar + t1_bar, plan.adaptive)
            knots = _select(moved, passed, knots)
        return _Carry(
            n=c.n - 1,
            stack=stack,
            j=c.j,
            row=_select(moved, row_bar, c.row),
            params=_select(moved, jax.tree.map(jnp.add, c.params, some_bar), c.params),
            knots=knots,
        )

    poison = jnp.where(ok, 0.0, jnp.nan)
    row = jax.tree.map(jnp.zeros_like, jax.tree.map(lambda x: x[0], tape.slots))
    start = _Carry(
        n=tape.steps - 1,
        stack=Stack.of(tape),
        j=jnp.full((), last - 1, jnp.int32),
        row=(g[last], row[1]),
        params=[jnp.full_like(p, poison) for p in some],
        knots=Knots.zero(ts, knobs.num_steps is not None) if timed else None,
    )
    end = lax.while_loop(lambda c: c.n >= 0, step, start)

    def begin(t0: jax.Array, y0: jax.Array, some: Params) -> Any:
        return method.begin(problem.with_params(with_some(some)), t0, y0, None)[0]

    t_bar, y_bar, some_bar = jax.vjp(begin, ts[0], y0, some)[1](end.row[1])
    ts_bar = None
    if end.knots is not None:
        ts_bar = end.knots.finish(ts).at[0].add(t_bar) + poison.astype(ts.dtype)
    params_bar = jax.tree.map(jnp.add, end.params, some_bar)
    return end.row[0] + y_bar + g[0] + poison.astype(g.dtype), ts_bar, params_bar

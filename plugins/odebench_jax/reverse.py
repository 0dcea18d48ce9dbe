"""The gradient of the discrete map: the accepted steps, in reverse.

The step sizes are constants: they are what the controller chose, not functions of y0 or params. The knots between
the steps do depend on ts: the first, the last, and those that landed on an output are times of ts themselves. A knot
in between lies a constant away from the nearest of those before it, if the steps are adaptive, and from ts[0] if not
(for ``num_steps``, a constant part of ``ts[-1] - ts[0]`` away).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from .forward import Plan
from .indexing import row as at
from .indexing import with_row
from .knots import Knots
from .lanes import any_lane, this_lane
from .stack import Replay, Stack
from .stages import Stages, combine
from .tape import Tape

Params = list[jax.Array]
Pull = Callable[[jax.Array, jax.Array, jax.Array], tuple[jax.Array | None, jax.Array, Params]]


class _Carry(NamedTuple):
    n: jax.Array
    stack: Stack
    j: jax.Array  # the next output, from the last to the first
    y: jax.Array  # cotangent of the state after step n
    k0: jax.Array  # cotangent of f there, where it is the last stage of step n and the first of the next
    params: Params
    knots: Knots | None


class _Step(NamedTuple):
    """A step, and the cotangents of its inner values: state, length, ends, and stages' derivatives."""

    t0: jax.Array
    t1: jax.Array
    h: jax.Array
    y: jax.Array
    k: jax.Array
    y_bar: jax.Array
    h_bar: jax.Array
    t0_bar: jax.Array
    t1_bar: jax.Array
    k_bar: jax.Array


def reverse(
    plan: Plan,
    ts: jax.Array,
    params: Params,
    varied: list[int],
    tape: Tape,
    g: jax.Array,
    ok: jax.Array,
    timed: bool,
    equal: bool,
) -> tuple[jax.Array, jax.Array | None, Params]:
    """Cotangents of y0, of ts (None unless ``timed``) and of the parameters that ``varied`` names.

    :param g: cotangent of ys, (T, n).
    :param ok: whether the solve succeeded; the cotangents are NaN if not.
    :param equal: whether the steps are equal parts of ``ts[-1] - ts[0]``.
    """
    stages, last = plan.stages, ts.shape[0] - 1
    fsal, b = stages.tableau.fsal, jnp.asarray(stages.b, g.dtype)
    replay = Replay(stages, lambda t, y: plan.f(t, y, params), tape.knots)
    poison = jnp.where(ok, 0.0, jnp.nan)
    pull = _pull(plan, params, varied, timed)

    def step(c: _Carry) -> _Carry:
        row, stack = c.stack.row(c.n, replay)
        t0, t1 = at(tape.knots, c.n), at(tape.knots, c.n + 1)
        moved = this_lane(t0 != t1)  # else it was another lane's step
        h, k = (t1 - t0).astype(g.dtype), jnp.where(moved, row.k, 0)
        lands = plan.landing or not plan.adaptive
        landed = moved & (t1 == at(ts, c.j)) & (c.j > 0) if lands else jnp.zeros((), bool)
        y_bar = jnp.where(landed, c.y + at(g, c.j), c.y)
        zero = jnp.zeros_like(t0)
        this = _Step(
            t0, t1, h, row.y, k, y_bar, jnp.vdot(y_bar, combine(stages.b, k)), zero, zero, h * b[:, None] * y_bar
        )
        j, knots = c.j - landed, c.knots
        if not plan.landing and last > 1:
            j, this, knots = _outputs(stages, ts, g, j, this, knots)
        if fsal:
            last_stage = jnp.where(moved, stages.count - 1, 0)
            this = this._replace(k_bar=with_row(this.k_bar, last_stage, at(this.k_bar, last_stage) + c.k0))
        first = jnp.where(c.n == 0, 0, 1) if fsal else 0
        # Of the very last stage's derivative nothing is made, unless outputs are interpolated with it.
        idle = (c.n == tape.steps - 1) if fsal and (plan.landing or last == 1) else 0
        this, k0, params_bar = _stages(stages, pull, this, first, stages.count - 1 - idle, c.params)
        if knots is not None:
            tied = jnp.where(landed, c.j, jnp.where(t1 == ts[-1], last, -1))
            h_bar = this.h_bar.astype(ts.dtype)
            passed = knots.passed(t1, tied, this.t0_bar - h_bar, this.t1_bar + h_bar, plan.adaptive)
            knots = jax.tree.map(lambda new, old: jnp.where(moved, new, old), passed, knots)
        return _Carry(c.n - 1, stack, j, this.y_bar, k0, params_bar, knots)

    start = _Carry(
        n=tape.steps - 1,
        stack=Stack.of(tape),
        j=jnp.full((), last - 1, jnp.int32),
        y=g[last],
        k0=jnp.zeros_like(g[last]),
        params=[jnp.full_like(params[i], poison) for i in varied],
        knots=Knots.zero(ts, equal) if timed else None,
    )
    end = lax.while_loop(lambda c: c.n >= 0, step, start)
    ts_bar = None if end.knots is None else end.knots.finish(ts) + poison.astype(ts.dtype)
    return end.y + g[0] + poison.astype(g.dtype), ts_bar, end.params


def _pull(plan: Plan, params: Params, varied: list[int], timed: bool) -> Pull:
    """The VJP of f at ``(t, y)``: cotangents of t (None unless ``timed``), y and the varied parameters."""
    some = [params[i] for i in varied]

    def f(t: jax.Array, y: jax.Array, some: Params) -> jax.Array:
        full = list(params)
        for i, p in zip(varied, some, strict=True):
            full[i] = p
        return plan.f(t, y, full)

    def pull(t: jax.Array, y: jax.Array, k_bar: jax.Array) -> tuple[jax.Array | None, jax.Array, Params]:
        if timed:
            t_bar, y_bar, some_bar = jax.vjp(f, t, y, some)[1](k_bar)
            return t_bar, y_bar, some_bar
        y_bar, some_bar = jax.vjp(lambda y, some: f(t, y, some), y, some)[1](k_bar)
        return None, y_bar, some_bar

    return pull


def _stages(
    stages: Stages, pull: Pull, step: _Step, first: jax.Array | int, last: jax.Array | int, params_bar: Params
) -> tuple[_Step, jax.Array, Params]:
    """Through the stages from ``last`` to ``first``; also the cotangent of the first stage's derivative."""
    a, times, slopes = stages.a(step.y.dtype), stages.times(step.t0, step.t1), stages.c(step.t0.dtype)
    a_transposed = a.T

    def k_bar(i: jax.Array | int, ys_bar: jax.Array) -> jax.Array:
        return at(step.k_bar, i) + step.h * combine(at(a_transposed, i), ys_bar)

    def stage(carry: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
        i, ys_bar, t0_bar, t1_bar, *params_bar = carry
        t_bar, y_bar, p_bar = pull(at(times, i), step.y + step.h * combine(at(a, i), step.k), k_bar(i, ys_bar))
        if t_bar is not None:
            t0_bar, t1_bar = t0_bar + (1 - at(slopes, i)) * t_bar, t1_bar + at(slopes, i) * t_bar
        summed = [p + q for p, q in zip(params_bar, p_bar, strict=True)]
        return i - 1, with_row(ys_bar, i, y_bar), t0_bar, t1_bar, *summed

    start = jnp.asarray(last, jnp.int32)
    _, ys_bar, t0_bar, t1_bar, *params_bar = lax.while_loop(
        lambda carry: carry[0] >= first,
        stage,
        (start, jnp.zeros_like(step.k), step.t0_bar, step.t1_bar, *params_bar),
    )
    step = step._replace(
        y_bar=step.y_bar + combine([1.0] * stages.count, ys_bar),
        h_bar=step.h_bar + jnp.vdot(ys_bar, jnp.matmul(a, step.k, precision=lax.Precision.HIGHEST)),
        t0_bar=t0_bar,
        t1_bar=t1_bar,
    )
    return step, k_bar(0, ys_bar), params_bar


def _outputs(
    stages: Stages, ts: jax.Array, g: jax.Array, j: jax.Array, step: _Step, knots: Knots | None
) -> tuple[jax.Array, _Step, Knots | None]:
    """Cotangents of the outputs that were interpolated within the step: ``y + h Σ b_i(θ) k_i``."""
    length = step.t1 - step.t0

    def inside(j: jax.Array) -> jax.Array:
        return (j > 0) & ((at(ts, j) - step.t0) * length > 0)

    def output(
        carry: tuple[jax.Array, _Step, Knots | None],
    ) -> tuple[jax.Array, _Step, Knots | None]:
        j, step, knots = carry
        here = this_lane(inside(j))
        y_bar = jnp.where(here, at(g, j), 0)
        theta = jnp.where(here, (at(ts, j) - step.t0) / length, 0)
        b, slopes = jax.jvp(stages.dense_weights, (theta.astype(g.dtype),), (jnp.ones((), g.dtype),))
        step = step._replace(
            y_bar=step.y_bar + y_bar,
            k_bar=step.k_bar + step.h * b[:, None] * y_bar,
            h_bar=step.h_bar + jnp.vdot(y_bar, combine(b, step.k)),
        )
        if knots is not None:
            shift = jnp.vdot(y_bar, combine(slopes, step.k)).astype(ts.dtype)  # dL/dθ over the length
            knots = knots._replace(ts=knots.ts.at[j].add(shift))
            step = step._replace(t0_bar=step.t0_bar + shift * (theta - 1), t1_bar=step.t1_bar - shift * theta)
        return j - here, step, knots

    return lax.while_loop(lambda carry: any_lane(inside(carry[0])), output, (j, step, knots))

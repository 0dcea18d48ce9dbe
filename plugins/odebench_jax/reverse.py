"""The gradient of the discrete map: the accepted steps, in reverse.

The step sizes are constants: they are what the controller chose, not functions of y0 or params. The knots between
the steps do depend on ts: the first, the last, and those that landed on an output are times of ts themselves. A knot
in between lies a constant away from the nearest of those before it, if the steps are adaptive, and from ts[0] if not
(for ``num_steps``, a constant part of ``ts[-1] - ts[0]`` away).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from .flat import Parts
from .flat import split as cut
from .forward import Plan
from .indexing import row as at
from .indexing import with_parts
from .knots import Knots
from .lanes import any_lane, this_lane
from .pullback import vjp
from .stack import Replay, Stack
from .stages import Stages, combine
from .tape import Tape

Params = list[jax.Array]
Pull = Callable[[jax.Array, Parts, Parts], tuple[jax.Array | None, Parts, Params]]


class _Carry(NamedTuple):
    n: jax.Array
    stack: Stack
    j: jax.Array  # the next output, from the last to the first
    y: jax.Array  # cotangent of the state after step n
    k0: Parts  # cotangent of f there, where it is the last stage of step n and the first of the next
    params: Params
    knots: Knots | None


class _Step(NamedTuple):
    """A step, and the cotangents of its inner values: state, length, ends, and stages' derivatives.

    :param k_bar: from outputs that are interpolated in it; None where none are.
    """

    t0: jax.Array
    t1: jax.Array
    h: jax.Array
    y: jax.Array
    k: jax.Array
    y_bar: jax.Array
    h_bar: jax.Array
    t0_bar: jax.Array
    t1_bar: jax.Array
    k_bar: jax.Array | None


class _End(NamedTuple):
    """Cotangents that a step is given at its end: of its state, and of f there, which is this stage's derivative."""

    y: jax.Array
    k: Parts | None
    stage: jax.Array


class _Round(NamedTuple):
    """Of the loop over a step's stages: the next one, and the cotangents of the others' states, else 0, (s, n).

    :param k: cotangent of the next one's derivative. What is carried, XLA makes once, and not wherever a VJP reads it.
    """

    i: jax.Array
    k: Parts
    ys_bar: jax.Array
    t0_bar: jax.Array
    t1_bar: jax.Array
    params: Params


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
    fsal, split = stages.tableau.fsal, partial(cut, cuts=plan.cuts)
    replay = Replay(stages, plan.field(params), tape.knots)
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
        end = _End(y_bar, c.k0 if fsal else None, jnp.where(moved, stages.count - 1, 0))
        this = _Step(t0, t1, h, row.y, k, y_bar, jnp.vdot(y_bar, combine(stages.b, k)), zero, zero, None)
        j, knots = c.j - landed, c.knots
        if not plan.landing and last > 1:
            j, this, knots = _outputs(stages, ts, g, j, this._replace(k_bar=jnp.zeros_like(k)), knots)
        first = jnp.where(c.n == 0, 0, 1) if fsal else 0
        # Of the very last stage's derivative nothing is made, unless outputs are interpolated with it.
        idle = (c.n == tape.steps - 1) if fsal and (plan.landing or last == 1) else 0
        this, k0, params_bar = _stages(stages, split, pull, this, end, first, stages.count - 1 - idle, c.params)
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
        k0=split(jnp.zeros_like(g[last])),
        params=[jnp.full_like(params[i], poison) for i in varied],
        knots=Knots.zero(ts, equal) if timed else None,
    )
    end = lax.while_loop(lambda c: c.n >= 0, step, start)
    ts_bar = None if end.knots is None else end.knots.finish(ts) + poison.astype(ts.dtype)
    return end.y + g[0] + poison.astype(g.dtype), ts_bar, end.params


def _pull(plan: Plan, params: Params, varied: list[int], timed: bool) -> Pull:
    """The VJP of f at ``(t, y)``: cotangents of t (None unless ``timed``), y and the varied parameters."""
    some = [params[i] for i in varied]

    def f(t: jax.Array, y: Parts, some: Params) -> Parts:
        full = list(params)
        for i, p in zip(varied, some, strict=True):
            full[i] = p
        return plan.f(t, y, full)

    def pull(t: jax.Array, y: Parts, k_bar: Parts) -> tuple[jax.Array | None, Parts, Params]:
        if timed:
            t_bar, y_bar, some_bar = vjp(f, t, y, some)[1](k_bar)
            return t_bar, y_bar, some_bar
        y_bar, some_bar = vjp(lambda y, some: f(t, y, some), y, some)[1](k_bar)
        return None, y_bar, some_bar

    return pull


def _stages(
    stages: Stages,
    split: Callable[[jax.Array], Parts],
    pull: Pull,
    step: _Step,
    end: _End,
    first: jax.Array | int,
    last: jax.Array | int,
    params_bar: Params,
) -> tuple[_Step, Parts, Params]:
    """Through the stages from ``last`` to ``first``; also, where that is 1, the cotangent of stage 0's derivative."""
    a, times, slopes = stages.a(step.y.dtype), stages.times(step.t0, step.t1), stages.c(step.t0.dtype)
    a_transposed, b = a.T, jnp.asarray(stages.b, step.y.dtype)

    def derivative(i: jax.Array | int, ys_bar: jax.Array) -> Parts:
        k_bar = step.h * (at(b, i) * end.y + combine(at(a_transposed, i), ys_bar))
        if step.k_bar is not None:
            k_bar = k_bar + at(step.k_bar, i)
        k_bars = split(k_bar)
        if end.k is None:
            return k_bars
        return [jnp.where(i == end.stage, x + k, x) for x, k in zip(k_bars, end.k, strict=True)]

    def stage(c: _Round) -> _Round:
        i, t0_bar, t1_bar = c.i, c.t0_bar, c.t1_bar
        y = split(step.y + step.h * combine(at(a, i), step.k))
        t_bar, y_bar, p_bar = pull(at(times, i), y, c.k)
        if t_bar is not None:
            t0_bar, t1_bar = t0_bar + (1 - at(slopes, i)) * t_bar, t1_bar + at(slopes, i) * t_bar
        ys_bar = with_parts(c.ys_bar, i, y_bar)
        params_bar = [p + q for p, q in zip(c.params, p_bar, strict=True)]
        return _Round(i - 1, derivative(i - 1, ys_bar), ys_bar, t0_bar, t1_bar, params_bar)

    i, zeros = jnp.asarray(last, jnp.int32), jnp.zeros_like(step.k)
    c = _Round(i, derivative(i, zeros), zeros, step.t0_bar, step.t1_bar, params_bar)
    c = lax.while_loop(lambda c: c.i >= first, stage, c)
    step = step._replace(
        y_bar=step.y_bar + combine([1.0] * stages.count, c.ys_bar),
        h_bar=step.h_bar + jnp.vdot(c.ys_bar, jnp.matmul(a, step.k, precision=lax.Precision.HIGHEST)),
        t0_bar=c.t0_bar,
        t1_bar=c.t1_bar,
    )
    return step, c.k, c.params


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
        here, k_bar = this_lane(inside(j)), step.k_bar
        assert k_bar is not None
        y_bar = jnp.where(here, at(g, j), 0)
        theta = jnp.where(here, (at(ts, j) - step.t0) / length, 0)
        b, slopes = jax.jvp(stages.dense_weights, (theta.astype(g.dtype),), (jnp.ones((), g.dtype),))
        step = step._replace(
            y_bar=step.y_bar + y_bar,
            k_bar=k_bar + step.h * b[:, None] * y_bar,
            h_bar=step.h_bar + jnp.vdot(y_bar, combine(b, step.k)),
        )
        if knots is not None:
            shift = jnp.vdot(y_bar, combine(slopes, step.k)).astype(ts.dtype)  # dL/dθ over the length
            knots = knots._replace(ts=knots.ts.at[j].add(shift))
            step = step._replace(t0_bar=step.t0_bar + shift * (theta - 1), t1_bar=step.t1_bar - shift * theta)
        return j - here, step, knots

    return lax.while_loop(lambda carry: any_lane(inside(carry[0])), output, (j, step, knots))

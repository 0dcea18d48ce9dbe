"""The loop over attempted steps: dynamic throughout, so that the number of steps never recompiles anything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from odebench.contract import Stats, Status

from .flat import Norm
from .indexing import row as at
from .indexing import with_row
from .lanes import any_lane, this_lane
from .stages import Stages, combine
from .steps import SLIVER, Tolerances, first_step, floored, next_step
from .tape import Tape

Dynamics = Callable[..., jax.Array]


class Knobs(NamedTuple):
    """Options that are numbers: arguments of the compiled solve, not constants of it."""

    rtol: Any
    atol: Any
    step: Any
    num_steps: Any
    min_step: Any
    first_step: Any


@dataclass(frozen=True)
class Plan:
    """What a compiled solve is compiled for. ``f(t, y, params)`` is on state vectors."""

    f: Dynamics
    stages: Stages
    norm: Norm
    max_steps: int
    adaptive: bool
    landing: bool
    """Whether steps are clipped to land on every time of ts, or only on the last and the others interpolated."""


class _Carry(NamedTuple):
    attempts: jax.Array
    accepted: jax.Array
    t: jax.Array
    y: jax.Array
    k0: jax.Array
    step: jax.Array
    error: jax.Array  # of the last accepted step; of the adaptive
    rejected: jax.Array  # the last attempt was
    base: jax.Array  # where the steps are counted from; of the equal steps
    count: jax.Array
    j: jax.Array  # next output
    ys: jax.Array
    status: jax.Array
    tape: Tape | None


def integrate(
    plan: Plan, y0: jax.Array, ts: jax.Array, params: Any, knobs: Knobs, tape: Tape | None = None
) -> tuple[jax.Array, Stats, Tape | None]:
    """ys (T, n), NaN where not reached; ``tape``, when given, with every accepted step recorded."""
    stages, order, last = plan.stages, plan.stages.tableau.error_order, ts.shape[0] - 1
    fsal = stages.tableau.fsal

    def f(t: jax.Array, y: jax.Array) -> jax.Array:
        return plan.f(t, y, params)

    span = ts[-1] - ts[0]
    sign = jnp.sign(span)
    tolerances = Tolerances(jnp.asarray(knobs.rtol, ts.dtype), jnp.asarray(knobs.atol, ts.dtype))
    k0, probes = jnp.zeros_like(y0), 0
    if not plan.adaptive:
        step = _fixed_step(knobs, span)
    elif knobs.first_step is not None:
        step = jnp.minimum(jnp.abs(jnp.asarray(knobs.first_step, ts.dtype)), jnp.abs(span))
    else:
        step, k0 = first_step(f, ts[0], span, y0, tolerances, plan.norm, order)
        probes = 1
    has_k0 = probes == 1

    def active(c: _Carry) -> jax.Array:
        return (c.j <= last) & (c.status == Status.ok)

    def first_stage(c: _Carry) -> jax.Array | int:
        """0 where f(t, y) is still to be evaluated, as stage 0; 1 where k0 is it."""
        begun = c.attempts > 0
        if fsal:
            return 1 if has_k0 else jnp.where(any_lane(begun), 1, 0)
        if not plan.adaptive:
            return 0
        return jnp.where(any_lane(~c.rejected & (begun if has_k0 else True)), 0, 1)

    def attempt(c: _Carry) -> _Carry:
        on = this_lane(active(c))
        limit = at(ts, c.j) if plan.landing else ts[-1]
        if plan.adaptive:
            aim = c.t + sign * c.step
        else:
            aim = c.base + sign * (c.count + 1).astype(ts.dtype) * c.step
        land = (limit - aim) * sign <= SLIVER * c.step
        t1 = jnp.where(land, limit, aim)
        k = stages.derivatives(f, c.t, t1, c.y, c.k0, first_stage(c))
        h = (t1 - c.t).astype(y0.dtype)
        y1 = stages.advance(h, c.y, k)
        tried = jnp.abs(t1 - c.t)
        if plan.adaptive:
            estimate = h * combine(stages.tableau.b_error or (), k)
            error = jnp.where(jnp.isfinite(y1), estimate / tolerances.scale(c.y, y1), jnp.inf)
            error = plan.norm(error).astype(ts.dtype)
            good = (error <= 1) & (tried > 0)
            step = next_step(error, c.error, tried, c.step, c.rejected, order)
            stuck = ~good & ((step < knobs.min_step) | (c.t + sign * step == c.t))
            step = jnp.maximum(step, jnp.asarray(knobs.min_step, ts.dtype))
            why = jnp.where(jnp.isfinite(error), Status.underflow, Status.non_finite)
        else:
            finite = jnp.isfinite(y1).all()
            error, step, good = c.error, c.step, finite & (tried > 0)
            stuck, why = ~good, jnp.where(finite, Status.underflow, Status.non_finite)
        accept = on & good
        attempts = c.attempts + on
        done = accept & (t1 == ts[-1])
        status = jnp.where(stuck, why, jnp.where(~done & (attempts >= plan.max_steps), Status.max_steps, Status.ok))

        tape = None if c.tape is None else c.tape.write(c.y, k, jnp.where(accept, t1, c.t), any_lane(accept))
        if plan.landing:
            ys, j = with_row(c.ys, c.j, jnp.where(on, y1, at(c.ys, c.j))), c.j + (accept & land)
        else:
            ys, j = _interpolate(stages, ts, sign, c, t1, h, k, accept)
            j = jnp.where(done, last + 1, j)
        return _Carry(
            attempts=attempts,
            accepted=c.accepted + accept,
            t=jnp.where(accept, t1, c.t),
            y=jnp.where(accept, y1, c.y),
            k0=jnp.where(accept, k[-1], c.k0) if fsal else jnp.where(on, k[0], c.k0),
            step=jnp.where(on, step, c.step),
            error=jnp.where(accept, floored(error), c.error),
            rejected=jnp.where(on, ~good, c.rejected),
            base=jnp.where(accept & land, limit, c.base),
            count=jnp.where(accept, jnp.where(land, 0, c.count + 1), c.count),
            j=j,
            ys=ys,
            status=jnp.where(on, status, c.status).astype(jnp.int32),
            tape=tape,
        )

    zero, no = jnp.zeros((), jnp.int32), jnp.zeros((), bool)
    start = _Carry(
        attempts=zero,
        accepted=zero,
        t=ts[0],
        y=y0,
        k0=k0,
        step=step,
        error=floored(jnp.zeros((), ts.dtype)),
        rejected=no,
        base=ts[0],
        count=zero,
        j=zero + 1,
        ys=jnp.zeros((last + 1, *y0.shape), y0.dtype).at[0].set(y0),
        status=zero,
        tape=tape,
    )
    end = lax.while_loop(lambda c: any_lane(active(c)), attempt, start)
    ys = end.ys if plan.landing else end.ys.at[last].set(end.y)
    ys = jnp.where((jnp.arange(last + 1) < end.j)[:, None], ys, jnp.nan)
    if fsal:
        nfe = 1 + probes + (stages.count - 1) * end.attempts
    else:
        nfe = probes + (stages.count - 1) * end.attempts + end.accepted + end.rejected
    next_ = end.step if plan.adaptive else jnp.zeros_like(end.step)
    return ys, Stats(nfe, end.accepted, end.attempts - end.accepted, end.status, next_), end.tape


def _fixed_step(knobs: Knobs, span: jax.Array) -> jax.Array:
    length = jnp.abs(span)
    if knobs.step is not None:
        return jnp.minimum(jnp.abs(jnp.asarray(knobs.step, span.dtype)), length)
    if knobs.num_steps is not None:
        return length / knobs.num_steps
    return length


def _interpolate(
    stages: Stages,
    ts: jax.Array,
    sign: jax.Array,
    c: _Carry,
    t1: jax.Array,
    h: jax.Array,
    k: jax.Array,
    accept: jax.Array,
) -> tuple[jax.Array, jax.Array]:
    """Write the outputs before the last that the step from c.t to t1 passes."""
    last = ts.shape[0] - 1
    if last == 1:
        return c.ys, c.j

    def inside(carry: tuple[jax.Array, jax.Array]) -> jax.Array:
        _, j = carry
        return accept & (j < last) & ((t1 - at(ts, j)) * sign >= 0)

    def write(carry: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        ys, j = carry
        here = this_lane(inside(carry))
        theta = ((at(ts, j) - c.t) / (t1 - c.t)).astype(c.y.dtype)
        y = c.y + h * combine(stages.dense_weights(theta), k)
        return with_row(ys, j, jnp.where(here, y, at(ys, j))), j + here

    return lax.while_loop(lambda carry: any_lane(inside(carry)), write, (c.ys, c.j))

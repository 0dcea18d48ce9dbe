"""The loop over attempted steps of any method: dynamic throughout, so that no number recompiles anything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from odebench.contract import Stats, Status
from odebench_jax.flat import Norm
from odebench_jax.forward import Knobs
from odebench_jax.indexing import row as at
from odebench_jax.indexing import with_row
from odebench_jax.lanes import any_lane, this_lane
from odebench_jax.steps import SLIVER, Tolerances, first_step, fixed_step

from .method import AdaptiveMethod, Memory, Method, Params, Problem
from .tape import Tape


@dataclass(frozen=True)
class Plan:
    """What a compiled solve is compiled for. ``f(t, y, params)`` is on state vectors.

    :param control: the method, where its steps are adaptive.
    :param landing: whether steps are clipped to land on every time of ts; else only on the last, and the outputs
        before it are interpolated, but for those that take the place of a knot of equal steps which they lie beside.
    """

    f: Callable[[jax.Array, jax.Array, Params], jax.Array]
    method: Method
    norm: Norm
    max_steps: int
    control: AdaptiveMethod | None
    landing: bool

    @property
    def adaptive(self) -> bool:
        return self.control is not None

    def problem(self, params: Params, knobs: Knobs) -> Problem:
        tolerances = Tolerances(jnp.asarray(knobs.rtol), jnp.asarray(knobs.atol)) if self.adaptive else None
        return Problem(self.f, params, self.norm, tolerances)


class _Carry(NamedTuple):
    attempts: jax.Array
    accepted: jax.Array
    nfe: jax.Array
    t: jax.Array
    y: jax.Array
    memory: Memory
    pace: Any
    taken: jax.Array  # equal steps
    j: jax.Array  # next output
    ys: jax.Array
    status: jax.Array
    tape: Tape | None


class End(NamedTuple):
    """What a solve came to.

    :param ys: (T, n), NaN where not reached.
    :param y: the last state, with the memory there.
    """

    ys: jax.Array
    stats: Stats
    y: jax.Array
    memory: Memory
    tape: Tape | None


def integrate(
    plan: Plan,
    y0: jax.Array,
    ts: jax.Array,
    params: Params,
    knobs: Knobs,
    blank: Callable[[Any], Tape] | None = None,
    inner: bool = False,
) -> End:
    """:param blank: makes the tape on which every accepted step is recorded, given a row of it: state and memory.
    :param inner: whether a row is instead the state and the ``inner`` of the step.
    """
    loop = _Loop(plan, ts, plan.problem(params, knobs), knobs, inner)
    start = loop.start(y0, blank)
    end = lax.while_loop(lambda c: any_lane(loop.active(c)), loop.attempt, start)
    ys = end.ys if plan.landing else end.ys.at[-1].set(end.y)
    ys = jnp.where((jnp.arange(ts.shape[0]) < end.j)[:, None], ys, jnp.nan)
    next_step = end.pace.step if plan.adaptive else jnp.zeros_like(end.pace.step)
    stats = Stats(end.nfe, end.accepted, end.attempts - end.accepted, end.status, next_step)
    return End(ys, stats, end.y, end.memory, end.tape)


@dataclass(frozen=True)
class _Loop:
    plan: Plan
    ts: jax.Array
    problem: Problem
    knobs: Knobs
    inner: bool

    @property
    def last(self) -> int:
        return int(self.ts.shape[0]) - 1

    @property
    def sign(self) -> jax.Array:
        return jnp.sign(self.ts[-1] - self.ts[0])

    @property
    def least(self) -> jax.Array:
        """The smallest step to try: within a few units of t's resolution, a step is not what its error says."""
        resolution = jnp.finfo(self.ts.dtype).eps * jnp.maximum(jnp.abs(self.ts[0]), jnp.abs(self.ts[-1]))
        return jnp.maximum(jnp.asarray(self.knobs.min_step, self.ts.dtype), 10 * resolution)

    def start(self, y0: jax.Array, blank: Callable[[Any], Tape] | None) -> _Carry:
        plan, ts, knobs, problem = self.plan, self.ts, self.knobs, self.problem
        span, probes, f0 = ts[-1] - ts[0], 0, None
        if plan.control is None or problem.tolerances is None:
            step = fixed_step(span, knobs.step, knobs.num_steps)
        elif knobs.first_step is not None:
            step = fixed_step(span, knobs.first_step, None)
        else:
            order = plan.control.error_order
            step, f0 = first_step(problem.f, ts[0], span, y0, problem.tolerances, plan.norm, order)
            probes = 2
        memory, evaluations = plan.method.begin(problem, ts[0], y0, f0)
        pace, row = plan.method.pace(step), (y0, memory)
        if self.inner:
            row = (y0, jax.eval_shape(lambda: plan.method.step(problem, ts[0], ts[1], pace.choice, y0, memory).inner))
        # Known times are checked before; of traced ones that are not monotonic nothing is integrated.
        monotonic = jnp.all(jnp.diff(ts) * self.sign > 0)
        zero = jnp.zeros((), jnp.int32)
        return _Carry(
            attempts=zero,
            accepted=zero,
            nfe=zero + probes + evaluations,
            t=ts[0],
            y=y0,
            memory=memory,
            pace=pace,
            taken=zero,
            j=zero + 1,
            ys=jnp.zeros((self.last + 1, *y0.shape), y0.dtype).at[0].set(y0),
            status=jnp.where(monotonic, Status.ok, Status.underflow).astype(jnp.int32),
            tape=None if blank is None else blank(row),
        )

    def active(self, c: _Carry) -> jax.Array:
        return (c.j <= self.last) & (c.status == Status.ok)

    def attempt(self, c: _Carry) -> _Carry:
        plan, on = self.plan, this_lane(self.active(c))
        t1, lands, whole = self._aim(c)
        advance = plan.method.step(self.problem, c.t, t1, c.pace.choice, c.y, c.memory)
        tried = jnp.abs(t1 - c.t)
        finite = jnp.isfinite(advance.y).all()
        good = advance.solved & finite & (tried > 0)
        if plan.control is not None:
            within, pace = plan.control.judge(self.problem, advance, c.y, tried, c.pace)
            good = good & within
            stuck = ~good & (pace.step < self.least)
            pace = pace._replace(step=jnp.maximum(pace.step, self.least))
        else:
            pace, stuck = plan.method.steady(c.pace), ~good
        accept, attempts = on & good, c.attempts + on
        done = accept & (t1 == self.ts[-1])
        status = jnp.where(~done & (attempts >= plan.max_steps), Status.max_steps, Status.ok)
        status = jnp.where(stuck, jnp.where(finite, Status.underflow, Status.non_finite), status).astype(jnp.int32)
        t1 = jnp.where(accept, t1, c.t)
        y, memory = jax.tree.map(
            lambda new, old: jnp.where(accept, new, old), (advance.y, advance.memory), (c.y, c.memory)
        )
        ys, j = self._outputs(c, t1, y, advance.inner, on, accept & lands)
        row = (c.y, advance.inner if self.inner else c.memory)
        return _Carry(
            attempts=attempts,
            accepted=c.accepted + accept,
            nfe=c.nfe + jnp.where(on, advance.evaluations, 0),
            t=t1,
            y=y,
            memory=memory,
            pace=jax.tree.map(lambda new, old: jnp.where(on, new, old), pace, c.pace),
            taken=c.taken + (accept & whole),
            j=jnp.where(done, self.last + 1, j),
            ys=ys,
            status=jnp.where(on, status, c.status),
            tape=None if c.tape is None else c.tape.write(row, c.pace.choice, t1, any_lane(accept)),
        )

    def _aim(self, c: _Carry) -> tuple[jax.Array, jax.Array, jax.Array]:
        """The time to step to, whether that is a time of ts, and whether it is not before the step's own end."""
        limit, step = at(self.ts, c.j) if self.plan.landing else self.ts[-1], c.pace.step
        ahead = self.sign * step + c.t if self.plan.adaptive else self.sign * step * (c.taken + 1) + self.ts[0]
        left = (limit - ahead) * self.sign
        lands = left <= SLIVER * step
        return jnp.where(lands, limit, self._beside(ahead, step)), lands, left >= -SLIVER * step

    def _beside(self, knot: jax.Array, step: jax.Array) -> jax.Array:
        """The output that takes the place of a knot of equal steps, or the knot.

        Interpolated from the step before such an output or from the one after it, its derivative would not be the same.
        """
        if self.plan.adaptive or self.plan.landing or self.last == 1:
            return knot
        near = SLIVER * step
        output = at(self.ts, jnp.sum((knot - self.ts) * self.sign > near))
        return jnp.where(jnp.abs(output - knot) <= near, output, knot)

    def _outputs(
        self, c: _Carry, t1: jax.Array, y: jax.Array, inner: Any, on: jax.Array, landed: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        """ys with the outputs that the step to t1 reaches, but for a last that is the state itself; the next j."""
        if self.plan.landing:
            return with_row(c.ys, c.j, jnp.where(on, y, at(c.ys, c.j))), c.j + landed
        if self.last == 1:
            return c.ys, c.j

        def inside(j: jax.Array) -> jax.Array:
            return (j < self.last) & (t1 != c.t) & ((t1 - at(self.ts, j)) * self.sign >= 0)

        def write(carry: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
            ys, j = carry
            here, t = this_lane(inside(j)), at(self.ts, j)
            found = self.plan.method.between(t, c.t, t1, c.pace.choice, c.y, inner)
            found = found if self.plan.adaptive else jnp.where(t == t1, y, found)
            return with_row(ys, j, jnp.where(here, found, at(ys, j))), j + here

        return lax.while_loop(lambda carry: any_lane(inside(carry[1])), write, (c.ys, c.j))

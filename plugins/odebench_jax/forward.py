"""The loop over attempted steps: dynamic throughout, so that the number of steps never recompiles anything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from odebench.contract import Stats, Status

from .flat import Field, Norm, Parts
from .indexing import row as at
from .indexing import with_row
from .lanes import any_lane, this_lane
from .stages import Stages, combine
from .steps import SLIVER, Tolerances, first_step, fixed_step, floored, next_step
from .tape import Checkpoints, Tape


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
    """What a compiled solve is compiled for.

    :param f: ``f(t, y, params)``, y and what it returns being parts of a state's vector.
    :param cuts: of the vector, see :class:`Field`.
    :param landing: whether steps are clipped to land on every time of ts; else only on the last, and the outputs
        before it are interpolated, but for those that take the place of a knot of equal steps which they lie beside.
    :param checkpoints: what its tape keeps.
    """

    f: Callable[[jax.Array, Parts, Any], Parts]
    stages: Stages
    norm: Norm
    max_steps: int
    adaptive: bool
    landing: bool
    checkpoints: Checkpoints = None
    cuts: tuple[int, ...] = ()

    def field(self, params: Any) -> Field:
        return Field(lambda t, parts: self.f(t, parts, params), self.cuts)


class _Carry(NamedTuple):
    attempts: jax.Array
    accepted: jax.Array
    t: jax.Array
    y: jax.Array
    k0: jax.Array
    step: jax.Array
    error: jax.Array  # of the last accepted step; of adaptive steps
    rejected: jax.Array  # the last attempt was
    taken: jax.Array  # equal steps
    j: jax.Array  # next output
    ys: jax.Array
    status: jax.Array
    tape: Tape | None


class _Trial(NamedTuple):
    t1: jax.Array
    land: jax.Array  # t1 is a time of ts
    whole: jax.Array  # and not before the step's own end
    h: jax.Array
    k: jax.Array
    y: jax.Array


class _Verdict(NamedTuple):
    good: jax.Array
    error: jax.Array
    step: jax.Array  # to try next
    stuck: jax.Array  # there is none to try
    why: jax.Array  # the status in that case


def integrate(
    plan: Plan, y0: jax.Array, ts: jax.Array, params: Any, knobs: Knobs, tape: Tape | None = None
) -> tuple[jax.Array, Stats, Tape | None]:
    """ys (T, n), NaN where not reached; ``tape``, when given, with every accepted step recorded."""
    loop = _Loop(plan, ts, params, knobs)
    start = loop.start(y0, tape)
    end = lax.while_loop(lambda c: any_lane(loop.active(c)), loop.attempt, start)
    ys = end.ys if plan.landing else end.ys.at[-1].set(end.y)
    ys = jnp.where((jnp.arange(ts.shape[0]) < end.j)[:, None], ys, jnp.nan)
    return ys, loop.stats(end), end.tape


@dataclass(frozen=True)
class _Loop:
    plan: Plan
    ts: jax.Array
    params: Any
    knobs: Knobs

    @property
    def last(self) -> int:
        return int(self.ts.shape[0]) - 1

    @property
    def sign(self) -> jax.Array:
        return jnp.sign(self.ts[-1] - self.ts[0])

    @property
    def probes(self) -> bool:
        """Whether the first step is chosen by evaluating f, so that f(t0, y0) is known before the first attempt."""
        return self.plan.adaptive and self.knobs.first_step is None

    @property
    def tolerances(self) -> Tolerances:
        return Tolerances(jnp.asarray(self.knobs.rtol), jnp.asarray(self.knobs.atol))

    @property
    def least(self) -> jax.Array:
        """The smallest step to try: within a few units of t's resolution, a step is not what its error says."""
        resolution = jnp.finfo(self.ts.dtype).eps * jnp.maximum(jnp.abs(self.ts[0]), jnp.abs(self.ts[-1]))
        return jnp.maximum(jnp.asarray(self.knobs.min_step, self.ts.dtype), 10 * resolution)

    @property
    def f(self) -> Field:
        return self.plan.field(self.params)

    def start(self, y0: jax.Array, tape: Tape | None) -> _Carry:
        plan, ts, knobs = self.plan, self.ts, self.knobs
        span, k0 = ts[-1] - ts[0], jnp.zeros_like(y0)
        if self.probes:
            order = plan.stages.tableau.error_order
            step, k0 = first_step(self.f, ts[0], span, y0, self.tolerances, plan.norm, order)
        elif plan.adaptive:
            step = fixed_step(span, knobs.first_step, None)
        else:
            step = fixed_step(span, knobs.step, knobs.num_steps)
        # Known times are checked before; of traced ones that are not monotonic nothing is integrated.
        monotonic = jnp.all(jnp.diff(ts) * self.sign > 0)
        zero = jnp.zeros((), jnp.int32)
        return _Carry(
            attempts=zero,
            accepted=zero,
            t=ts[0],
            y=y0,
            k0=k0,
            step=step,
            error=floored(jnp.zeros((), ts.dtype)),
            rejected=jnp.zeros((), bool),
            taken=zero,
            j=zero + 1,
            ys=jnp.zeros((self.last + 1, *y0.shape), y0.dtype).at[0].set(y0),
            status=jnp.where(monotonic, Status.ok, Status.underflow).astype(jnp.int32),
            tape=tape,
        )

    def active(self, c: _Carry) -> jax.Array:
        return (c.j <= self.last) & (c.status == Status.ok)

    def attempt(self, c: _Carry) -> _Carry:
        on = this_lane(self.active(c))
        trial = self._try(c)
        verdict = self._judge(c, trial)
        accept = on & verdict.good
        attempts = c.attempts + on
        done = accept & (trial.t1 == self.ts[-1])
        out_of_steps = ~done & (attempts >= self.plan.max_steps)
        status = jnp.where(out_of_steps, Status.max_steps, Status.ok)
        status = jnp.where(verdict.stuck, verdict.why, status).astype(jnp.int32)
        t1 = jnp.where(accept, trial.t1, c.t)
        ys, j = self._outputs(c, trial, on, accept)
        k0 = jnp.where(accept, trial.k[-1], trial.k[0]) if self.plan.stages.tableau.fsal else trial.k[0]
        return _Carry(
            attempts=attempts,
            accepted=c.accepted + accept,
            t=t1,
            y=jnp.where(accept, trial.y, c.y),
            k0=jnp.where(on, k0, c.k0),
            step=jnp.where(on, verdict.step, c.step),
            error=jnp.where(accept, floored(verdict.error), c.error),
            rejected=jnp.where(on, ~verdict.good, c.rejected),
            taken=c.taken + (accept & trial.whole),
            j=jnp.where(done, self.last + 1, j),
            ys=ys,
            status=jnp.where(on, status, c.status),
            tape=None if c.tape is None else c.tape.write(c.y, trial.k, t1, any_lane(accept)),
        )

    def _try(self, c: _Carry) -> _Trial:
        plan = self.plan
        limit = at(self.ts, c.j) if plan.landing else self.ts[-1]
        ahead = self.sign * c.step + c.t if plan.adaptive else self.sign * c.step * (c.taken + 1) + self.ts[0]
        left = (limit - ahead) * self.sign
        land = left <= SLIVER * c.step
        t1 = jnp.where(land, limit, self._beside(ahead, c.step))
        k, y = plan.stages.step(self.f, c.t, t1, c.y, c.k0, self._first_stage(c))
        h = (t1 - c.t).astype(c.y.dtype)
        return _Trial(t1, land, left >= -SLIVER * c.step, h, k, y)

    def _beside(self, knot: jax.Array, step: jax.Array) -> jax.Array:
        """The output that takes the place of a knot of equal steps, or the knot.

        Interpolated from the step before such an output or from the one after it, its derivative would not be the same.
        """
        if self.plan.adaptive or self.plan.landing or self.last == 1:
            return knot
        near = SLIVER * step
        output = at(self.ts, jnp.sum((knot - self.ts) * self.sign > near))
        return jnp.where(jnp.abs(output - knot) <= near, output, knot)

    def _first_stage(self, c: _Carry) -> jax.Array | int:
        """0 where f(t, y) is still to be evaluated, as stage 0; 1 where k0 is it."""
        begun = c.attempts > 0
        if self.plan.stages.tableau.fsal:
            return 1 if self.probes else jnp.where(any_lane(begun), 1, 0)
        if not self.plan.adaptive:
            return 0
        return jnp.where(any_lane(~c.rejected & (begun if self.probes else True)), 0, 1)

    def _judge(self, c: _Carry, trial: _Trial) -> _Verdict:
        tried = jnp.abs(trial.t1 - c.t)
        if not self.plan.adaptive:
            finite = jnp.isfinite(trial.y).all()
            good = finite & (tried > 0)
            why = jnp.where(finite, Status.underflow, Status.non_finite)
            return _Verdict(good, c.error, c.step, ~good, why)
        tableau = self.plan.stages.tableau
        estimate = trial.h * combine(tableau.b_error or (), trial.k) / self.tolerances.scale(c.y, trial.y)
        error = self.plan.norm(jnp.where(jnp.isfinite(trial.y), estimate, jnp.inf)).astype(c.t.dtype)
        good = (error <= 1) & (tried > 0)
        step = next_step(error, c.error, tried, c.step, c.rejected, tableau.error_order)
        why = jnp.where(jnp.isfinite(error), Status.underflow, Status.non_finite)
        return _Verdict(good, error, jnp.maximum(step, self.least), ~good & (step < self.least), why)

    def _outputs(self, c: _Carry, trial: _Trial, on: jax.Array, accept: jax.Array) -> tuple[jax.Array, jax.Array]:
        """ys with the outputs that the step reaches, but for the last where it is the state itself; the next j."""
        if self.plan.landing:
            ys = with_row(c.ys, c.j, jnp.where(on, trial.y, at(c.ys, c.j)))
            return ys, c.j + (accept & trial.land)
        if self.last == 1:
            return c.ys, c.j

        def inside(j: jax.Array) -> jax.Array:
            return accept & (j < self.last) & ((trial.t1 - at(self.ts, j)) * self.sign >= 0)

        def write(carry: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
            ys, j = carry
            here = this_lane(inside(j))
            theta = ((at(self.ts, j) - c.t) / (trial.t1 - c.t)).astype(c.y.dtype)
            y = c.y + trial.h * combine(self.plan.stages.dense_weights(theta), trial.k)
            y = y if self.plan.adaptive else jnp.where(theta == 1, trial.y, y)
            return with_row(ys, j, jnp.where(here, y, at(ys, j))), j + here

        return lax.while_loop(lambda carry: any_lane(inside(carry[1])), write, (c.ys, c.j))

    def stats(self, end: _Carry) -> Stats:
        """f(t, y) at a step's start is evaluated once, the other stages in every attempt."""
        tableau = self.plan.stages.tableau
        starts = 1 if tableau.fsal else end.accepted + end.rejected
        return Stats(
            nfe=self.probes + starts + (tableau.stages - 1) * end.attempts,
            accepted=end.accepted,
            rejected=end.attempts - end.accepted,
            status=end.status,
            next_step=end.step if self.plan.adaptive else jnp.zeros_like(end.step),
        )

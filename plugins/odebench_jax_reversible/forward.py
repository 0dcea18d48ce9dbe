"""The loop over the steps of reversible Heun (Kidger et al. 2021, *Efficient and accurate gradients for neural SDEs*,
algorithm 1, without noise)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from odebench.contract import Stats, Status
from odebench_jax.flat import Norm
from odebench_jax.forward import Knobs
from odebench_jax.indexing import row as at
from odebench_jax.indexing import with_row
from odebench_jax.steps import SLIVER, Tolerances, first_step, fixed_step, floored, next_step

ERROR_ORDER = 2


class Walk(NamedTuple):
    """A solve so far: y, the state z that runs beside it, v = f(t, z), and all knots up to t."""

    attempts: jax.Array
    steps: jax.Array  # accepted
    taken: jax.Array  # whole ones, of equal steps
    j: jax.Array  # next output
    t: jax.Array
    y: jax.Array
    z: jax.Array
    v: jax.Array
    step: jax.Array
    error: jax.Array  # of the last accepted step
    rejected: jax.Array  # the last attempt was
    ys: jax.Array
    knots: jax.Array
    status: jax.Array


@dataclass(frozen=True)
class Loop:
    """``z1 = 2 y0 - z0 + h f(t0, z0)``, ``y1 = y0 + h/2 (f(t0, z0) + f(t1, z1))``, from ``z0 = y0``.

    An evaluation a step. Its error is taken for its distance from Euler's, ``h/2 (f(t1, z1) - f(t0, z0))``. A step is
    clipped to land on every time of ts, as those of the Runge–Kutta engine's methods without dense output are.
    """

    f: Callable[[jax.Array, jax.Array], jax.Array]
    ts: jax.Array
    knobs: Knobs
    norm: Norm
    max_steps: int

    def integrate(self, y0: jax.Array) -> tuple[jax.Array, Stats, Walk]:
        """ys (T, n), NaN where not reached."""
        end = lax.while_loop(self._active, self._attempt, self._start(y0))
        reached = (jnp.arange(self.ts.shape[0]) < end.j)[:, None]
        next_step = end.step if self.adaptive else jnp.zeros_like(end.step)
        nfe = 1 + self._probes + end.attempts
        stats = Stats(nfe, end.steps, end.attempts - end.steps, end.status, next_step)
        return jnp.where(reached, end.ys, jnp.nan), stats, end

    @property
    def adaptive(self) -> bool:
        return self.knobs.step is None and self.knobs.num_steps is None

    @property
    def _probes(self) -> bool:
        return self.adaptive and self.knobs.first_step is None

    @property
    def _last(self) -> int:
        return int(self.ts.shape[0]) - 1

    @property
    def _sign(self) -> jax.Array:
        return jnp.sign(self.ts[-1] - self.ts[0])

    @property
    def _tolerances(self) -> Tolerances:
        return Tolerances(jnp.asarray(self.knobs.rtol), jnp.asarray(self.knobs.atol))

    @property
    def _least(self) -> jax.Array:
        """The smallest step to try, as the Runge–Kutta engine's."""
        resolution = jnp.finfo(self.ts.dtype).eps * jnp.maximum(jnp.abs(self.ts[0]), jnp.abs(self.ts[-1]))
        return jnp.maximum(jnp.asarray(self.knobs.min_step, self.ts.dtype), 10 * resolution)

    def _start(self, y0: jax.Array) -> Walk:
        ts, knobs, span = self.ts, self.knobs, self.ts[-1] - self.ts[0]
        if self._probes:
            step, v = first_step(self.f, ts[0], span, y0, self._tolerances, self.norm, ERROR_ORDER)
        else:
            step = fixed_step(span, knobs.first_step if self.adaptive else knobs.step, knobs.num_steps)
            v = self.f(ts[0], y0)
        monotonic = jnp.all(jnp.diff(ts) * self._sign > 0)
        zero = jnp.zeros((), jnp.int32)
        return Walk(
            attempts=zero,
            steps=zero,
            taken=zero,
            j=zero + 1,
            t=ts[0],
            y=y0,
            z=y0,
            v=v,
            step=step,
            error=floored(jnp.zeros((), ts.dtype)),
            rejected=jnp.zeros((), bool),
            ys=jnp.zeros((self._last + 1, *y0.shape), y0.dtype).at[0].set(y0),
            knots=lax.empty((self.max_steps + 1,), ts.dtype).at[0].set(ts[0]),
            status=jnp.where(monotonic, Status.ok, Status.underflow).astype(jnp.int32),
        )

    def _active(self, w: Walk) -> jax.Array:
        return (w.j <= self._last) & (w.status == Status.ok)

    def _attempt(self, w: Walk) -> Walk:
        limit = at(self.ts, w.j)
        ahead = self._sign * w.step + w.t if self.adaptive else self._sign * w.step * (w.taken + 1) + self.ts[0]
        left = (limit - ahead) * self._sign
        land = left <= SLIVER * w.step
        t1 = jnp.where(land, limit, ahead)
        h = (t1 - w.t).astype(w.y.dtype)
        z = 2 * w.y - w.z + h * w.v
        v = self.f(t1, z)
        y = w.y + h / 2 * (w.v + v)
        good, error, step, why = self._judge(w, t1, y, h / 2 * (v - w.v))
        j, attempts = w.j + land, w.attempts + 1
        out_of_steps = (attempts >= self.max_steps) & ~(good & (j > self._last))
        status = jnp.where(out_of_steps, Status.max_steps, Status.ok).astype(jnp.int32)
        new, old = (good & land, t1, y, z, v, floored(error)), (False, w.t, w.y, w.z, w.v, w.error)
        landed, t1, y, z, v, error = jax.tree.map(lambda a, b: jnp.where(good, a, b), new, old)
        return Walk(
            attempts=attempts,
            steps=w.steps + good,
            taken=w.taken + (good & (left >= -SLIVER * w.step)),
            j=w.j + landed,
            t=t1,
            y=y,
            z=z,
            v=v,
            step=step,
            error=error,
            rejected=~good,
            ys=with_row(w.ys, w.j, y),  # whatever is there until it has been landed on
            knots=with_row(w.knots, w.steps + 1, t1),
            status=jnp.where(why == Status.ok, status, why),
        )

    def _judge(
        self, w: Walk, t1: jax.Array, y: jax.Array, estimate: jax.Array
    ) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
        """Whether a step is good, its error, the step to try next, and the status: ok while there is one to try."""
        tried = jnp.abs(t1 - w.t)
        if not self.adaptive:
            finite = jnp.isfinite(y).all()
            why = jnp.where(finite, jnp.where(tried > 0, Status.ok, Status.underflow), Status.non_finite)
            return why == Status.ok, w.error, w.step, why.astype(jnp.int32)
        estimate = jnp.where(jnp.isfinite(y), estimate / self._tolerances.scale(w.y, y), jnp.inf)
        error = self.norm(estimate).astype(w.t.dtype)
        good = (error <= 1) & (tried > 0)
        step = next_step(error, w.error, tried, w.step, w.rejected, ERROR_ORDER)
        why = jnp.where(jnp.isfinite(error), Status.underflow, Status.non_finite)
        why = jnp.where(~good & (step < self._least), why, Status.ok)
        return good, error, jnp.maximum(step, self._least), why.astype(jnp.int32)

"""Adams methods of fixed order, on whatever steps they are given."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from odebench_jax.flat import Field
from odebench_jax.functional.method import Advance, Problem
from odebench_jax.lanes import any_lane
from odebench_jax.stages import Stages
from odebench_rungekutta.rk4 import RK4

from .history import History, Step, between, differences, integrals, weighted

_START = Stages(RK4)


class Pace(NamedTuple):
    """``choice`` is how many knots are known, as far as the method counts."""

    step: jax.Array
    choice: jax.Array


class FixedOrder:
    """Adams–Bashforth of order p ≤ 4 (HNW III.1, eq. 1.5), or Adams–Moulton of order p (eq. 1.9) in PECE mode.

    The predictor of the latter is Adams–Bashforth of the same order. The weights are those of the actual knots (III.5),
    on equal steps the classical ones. The first ``p - 1`` steps are taken by the classical Runge–Kutta method.
    """

    adaptive = False
    interpolates = True

    def __init__(self, order: int, *, corrects: bool = False) -> None:
        self.order = order
        self.corrects = corrects

    def begin(self, problem: Problem, t0: jax.Array, y0: jax.Array, f0: jax.Array | None) -> tuple[History, int]:
        return History.begin(problem, self.order, t0, y0, f0), int(f0 is None)

    def step(
        self, problem: Problem, t0: jax.Array, t1: jax.Array, choice: jax.Array, y: jax.Array, memory: History
    ) -> Advance:
        h = (t1 - t0).astype(y.dtype)

        def start() -> jax.Array:
            return _START.step(Field.of(problem.f), t0, t1, y, memory.slopes[0], 1)[1]

        def adams() -> jax.Array:
            x = memory.nodes(t0, t1 - t0, jnp.asarray(self.order))
            c, g = differences(x, jnp.asarray(self.order)), integrals(x, 1.0)
            predicted = y + h * weighted(g[:-1] @ c, memory.slopes)
            if not self.corrects:
                return predicted
            last = self.order - 1
            defect = problem.f(t1, predicted) - weighted(jnp.sum(c[:last], axis=0), memory.slopes)
            lower = y + h * weighted(g[:last] @ c[:last], memory.slopes)
            return lower + (h * g[last].astype(y.dtype)) * defect

        # Lanes start together; one that is done may have stopped before.
        going = any_lane(choice >= self.order)
        y1 = lax.cond(going, adams, start)
        history = memory.extended(t1, problem.f(t1, y1))
        evaluations = jnp.where(going, 1 + self.corrects, RK4.stages)
        return Advance(y1, history, (y1, history), jnp.ones((), bool), evaluations, ())

    def pace(self, step: jax.Array) -> Pace:
        return Pace(step, jnp.ones((), jnp.int32))

    def steady(self, pace: Pace) -> Pace:
        return pace._replace(choice=jnp.minimum(pace.choice + 1, self.order))

    def between(
        self, t: jax.Array, t0: jax.Array, t1: jax.Array, choice: jax.Array, y: jax.Array, inner: Step
    ) -> jax.Array:
        return between(t, t0, t1, jnp.minimum(choice + 1, self.order), y, inner)

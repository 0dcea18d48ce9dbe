"""Overhead: how far a gradient of the solve is from the physical limit, the cost of the dynamics alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

from odebench.adapter import Counts
from odebench.contract import Array, Dynamics, PyTree
from odebench.measure.session import Problem, Session

# A machine is at times half as fast for minutes, and that must not begin between the gradient's time and its limit's:
# they are measured in turns, and the round of the middle overhead is kept as it is.
ROUNDS = 3


@dataclass(frozen=True)
class Limit:
    """The gradient of the task's first solve alone, by its last output's mean square, and what it cannot be beaten by.

    :param problem: what is solved.
    :param gradient: computes the gradient; it is warm.
    :param wall: its seconds.
    :param counts: its evaluations, of both passes, and products.
    :param c_f: seconds of a bare evaluation, chained in the framework itself.
    :param c_fv: the same, with its VJP.
    """

    problem: Problem
    gradient: Callable[[], PyTree]
    wall: float
    counts: Counts
    c_f: float
    c_fv: float

    @property
    def dynamics(self) -> float:
        """Seconds of the evaluations alone, ``NFE · c_f``."""
        return self.counts.f * self.c_f

    @property
    def products(self) -> float:
        """Seconds of the products alone, ``VJPs · (c_fv − c_f)``."""
        return self.counts.vjp * (self.c_fv - self.c_f)

    @property
    def overhead(self) -> float:
        return self.wall / (self.dynamics + self.products)

    @property
    def metrics(self) -> dict[str, float]:
        times = {"solve_gradient_s": self.wall, "bare_f_s": self.c_f, "bare_f_vjp_s": self.c_fv}
        return {"overhead": self.overhead, **times}


def overhead(session: Session, seconds: float) -> dict[str, float]:
    """``overhead`` over the limit, and what it is made of; nothing of a task without an ODE.

    :param seconds: about how long to measure.
    """
    found = limit(session, seconds)
    return {} if found is None else found.metrics


def limit(session: Session, seconds: float) -> Limit | None:
    """The limit of a session, measured once; None without an ODE.

    :param seconds: about how long to measure.
    """
    if session.backend is not None and session.limit is None:
        session.limit = _measured(session, seconds)
    return session.limit


def _measured(session: Session, seconds: float) -> Limit:
    backend, adapter = session.backend, session.adapter
    assert backend is not None
    problem = f, y0, ts, params = session.problem(session.params)
    counts = Counts()

    def solve_loss(dynamics: Dynamics) -> Any:
        def loss(inputs: dict[str, PyTree], _: PyTree) -> Array:
            ys = backend.odeint(dynamics, inputs["y0"], ts, inputs["params"])
            return sum((leaf[-1] ** 2).mean() for leaf in adapter.leaves(ys))

        return adapter.value_and_grad(loss)

    inputs = {"y0": y0, "params": params}
    adapter.block(solve_loss(adapter.counted(f, counts))(inputs, None))
    adapter.flush()
    of_f = solve_loss(f)

    def gradient() -> PyTree:
        return of_f(inputs, None)

    adapter.block(gradient())
    once = adapter.elapsed(gradient)
    repeats = max(3, min(50, int(seconds / 2 / ROUNDS / max(once, 1e-6))))
    bare = f if params is not None else lambda t, y, _: f(t, y)

    def by_turns() -> Limit:
        wall = median(adapter.elapsed(gradient) for _ in range(repeats))
        c_f, c_fv = adapter.bare_cost(bare, float(ts[0]), y0, params, seconds / 2 / ROUNDS)
        return Limit(problem, gradient, wall, counts, c_f, c_fv)

    return sorted((by_turns() for _ in range(ROUNDS)), key=lambda limit: limit.overhead)[ROUNDS // 2]

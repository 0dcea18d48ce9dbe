"""Overhead: how far a gradient of the solve is from the physical limit, the cost of the dynamics alone."""

from __future__ import annotations

from statistics import median
from typing import Any

from odebench.adapter import Counts
from odebench.contract import Array, Dynamics, PyTree
from odebench.measure.session import Session


def overhead(session: Session, seconds: float) -> dict[str, float]:
    """``overhead`` of the gradient of the task's (first) solve alone, by its last output's mean square.

    The limit is ``NFE · c_f + VJPs · (c_fv − c_f)``, with ``c_f`` and ``c_fv`` the seconds of a bare evaluation and
    of one with its VJP, chained in the framework itself; NFE counts the evaluations of both passes.

    :param seconds: about how long to measure.
    """
    backend, adapter = session.backend, session.adapter
    if backend is None:
        return {}
    f, y0, ts, params = session.problem(session.params)
    counts = Counts()

    def solve_loss(dynamics: Dynamics) -> Any:
        def loss(inputs: dict[str, PyTree], _: PyTree) -> Array:
            ys = backend.odeint(dynamics, inputs["y0"], ts, inputs["params"])
            return sum((leaf[-1] ** 2).mean() for leaf in adapter.leaves(ys))

        return adapter.value_and_grad(loss)

    inputs = {"y0": y0, "params": params}
    adapter.block(solve_loss(adapter.counted(f, counts))(inputs, None))
    adapter.flush()
    gradient = solve_loss(f)
    adapter.block(gradient(inputs, None))
    once = adapter.elapsed(lambda: gradient(inputs, None))
    repeats = max(3, min(50, int(seconds / 2 / max(once, 1e-6))))
    wall = median(adapter.elapsed(lambda: gradient(inputs, None)) for _ in range(repeats))
    bare = f if params is not None else lambda t, y, _: f(t, y)
    c_f, c_fv = adapter.bare_cost(bare, float(ts[0]), y0, params, seconds / 2)
    limit = counts.f * c_f + counts.vjp * (c_fv - c_f)
    return {"overhead": wall / limit, "solve_gradient_s": wall, "bare_f_s": c_f, "bare_f_vjp_s": c_fv}

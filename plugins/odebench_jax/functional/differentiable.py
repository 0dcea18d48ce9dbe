"""The engine as a differentiable function of state vectors, times and arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from odebench.contract import Stats, Status
from odebench_jax.forward import Knobs
from odebench_jax.rule import is_varied, unperturbed
from odebench_jax.tape import Checkpoints

from .loop import Plan, integrate
from .method import Params
from .reverse import reverse
from .tape import Row, Tape

Solve = Callable[[jax.Array, jax.Array, Params, Knobs], tuple[jax.Array, Stats]]


def differentiable(plan: Plan, checkpoints: Checkpoints) -> Solve:
    """``(y0, ts, params, knobs) -> (ys, stats)``. Only where it is differentiated does the solve keep a tape."""

    @jax.custom_vjp
    def solve(y0: jax.Array, ts: jax.Array, params: Params, knobs: Knobs) -> tuple[jax.Array, Stats]:
        end = integrate(plan, y0, ts, params, knobs)
        return end.ys, end.stats

    def forward(*args: Any) -> tuple[tuple[jax.Array, Stats], Any]:
        y0, ts, params, knobs = unperturbed(args)

        def blank(row: Row) -> Tape:
            return Tape.empty(row, ts[0], plan.max_steps, checkpoints)

        # None and () are static: what is not differentiated costs the reverse nothing.
        timed = () if args[1].perturbed else None
        varied = [() if is_varied(p) else None for p in args[2]]
        end = integrate(plan, y0, ts, params, knobs, blank)
        return (end.ys, end.stats), (y0, ts, params, knobs, end.stats.status, end.tape, timed, varied)

    def backward(residuals: Any, cotangents: Any) -> tuple[Any, ...]:
        y0, ts, params, knobs, status, tape, timed, varied = residuals
        g = cotangents[0]
        if not isinstance(g, jax.Array):  # a symbolic zero: only stats were used
            g = jnp.zeros(g.shape, g.dtype)
        index = [i for i, v in enumerate(varied) if v is not None]
        ok = status == Status.ok
        y_bar, ts_bar, some = reverse(plan, y0, ts, params, index, knobs, tape, g, ok, timed is not None)
        params_bar: list[jax.Array | None] = [None] * len(params)
        for i, p_bar in zip(index, some, strict=True):
            params_bar[i] = p_bar
        return y_bar, ts_bar, params_bar, None

    solve.defvjp(forward, backward, symbolic_zeros=True)
    solved: Solve = solve
    return solved

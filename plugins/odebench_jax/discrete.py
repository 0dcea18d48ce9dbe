"""The engine as a differentiable function of state vectors, times and arrays."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from odebench.contract import Stats, Status

from .forward import Knobs, Plan, integrate
from .reverse import reverse
from .tape import Tape


def solve_flat(
    plan: Plan, y0: jax.Array, ts: jax.Array, params: list[jax.Array], knobs: Knobs
) -> tuple[jax.Array, Stats]:
    """ys (T, n) and stats. Only where it is differentiated does the solve keep a tape."""

    @jax.custom_vjp
    def solve(y0: jax.Array, ts: jax.Array, params: list[jax.Array], knobs: Knobs) -> tuple[jax.Array, Stats]:
        ys, stats, _ = integrate(plan, y0, ts, params, knobs)
        return ys, stats

    def forward(*args: Any) -> tuple[tuple[jax.Array, Stats], Any]:
        y0, ts, params, knobs = jax.tree.map(lambda x: x.value, args, is_leaf=lambda x: hasattr(x, "perturbed"))
        # None and () are static: what is not differentiated costs the reverse nothing.
        timed = () if args[1].perturbed else None
        varied = [() if p.perturbed and jnp.issubdtype(p.value.dtype, jnp.inexact) else None for p in args[2]]
        blank = Tape.empty(y0, ts[0], plan.stages.count, plan.max_steps, plan.checkpoints)
        ys, stats, tape = integrate(plan, y0, ts, params, knobs, blank)
        return (ys, stats), (ts, params, knobs.num_steps, stats.status, tape, timed, varied)

    def backward(residuals: Any, cotangents: Any) -> tuple[Any, ...]:
        ts, params, num_steps, status, tape, timed, varied = residuals
        g = cotangents[0]
        if not isinstance(g, jax.Array):  # a symbolic zero: only stats were used
            g = jnp.zeros(g.shape, g.dtype)
        index = [i for i, v in enumerate(varied) if v is not None]
        y_bar, ts_bar, some = reverse(
            plan, ts, params, index, tape, g, status == Status.ok, timed is not None, num_steps is not None
        )
        params_bar: list[jax.Array | None] = [None] * len(params)
        for i, p_bar in zip(index, some, strict=True):
            params_bar[i] = p_bar
        return y_bar, ts_bar, params_bar, None

    solve.defvjp(forward, backward, symbolic_zeros=True)
    return solve(y0, ts, params, knobs)

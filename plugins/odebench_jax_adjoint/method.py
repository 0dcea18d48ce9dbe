"""The continuous adjoint method (Chen et al. 2018, algorithm 2) around a solver that is a black box."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from odebench.contract import Dynamics, OdeInt, PyTree, Solve, SolveError, Status

from .backward import Perturbed, backward
from .options import Backward, Norm


def bind(
    solve: Solve,
    options: dict[str, Any],
    *,
    adjoint_solver: Solve | None = None,
    adjoint_rtol: float | None = None,
    adjoint_atol: float | None = None,
    adjoint_norm: Norm | str | None = None,
    adjoint_step: float | None = None,
    adjoint_num_steps: int | None = None,
) -> OdeInt:
    """See :class:`odebench.contract.BindGradient`. The backward solve has the forward's options, except:

    :param adjoint_solver: its solver.
    :param adjoint_norm: its error norm, a callable on the augmented state ``(y, a, list of parameter cotangents)``;
        "seminorm" leaves the parameters' cotangents out (Kidger et al. 2021). By default every leaf counts by itself.
    :param adjoint_num_steps: its number of equal steps, over all of ts.

    Outside jit, f is compiled once for each function object: pass what changes in params.

    :raises ValueError: when ``adjoint_norm`` is a string other than "seminorm", ``adjoint_step`` and
        ``adjoint_num_steps`` are both given, or an option of the adjoint's own makes no sense.
    """
    black_box = Backward.of(
        adjoint_solver or solve,
        options,
        rtol=adjoint_rtol,
        atol=adjoint_atol,
        norm=adjoint_norm,
        step=adjoint_step,
        num_steps=adjoint_num_steps,
    )

    @partial(jax.jit, static_argnums=0)
    def run(f: Dynamics, y0: PyTree, ts: jax.Array, params: PyTree) -> tuple[PyTree, jax.Array]:
        leaves, treedef = jax.tree.flatten(params)
        count = len(leaves)

        def on_leaves(t: jax.Array, y: PyTree, leaves: list[jax.Array]) -> PyTree:
            return f(t, y) if params is None else f(t, y, jax.tree.unflatten(treedef, leaves))

        # What f has captured becomes an argument, so that it gets its gradient.
        converted, captured = jax.closure_convert(on_leaves, ts[0], y0, leaves)

        def closed(t: jax.Array, y: PyTree, leaves: list[jax.Array]) -> PyTree:
            return converted(t, y, leaves[:count], *leaves[count:])

        ys, status = _differentiable(solve, options, black_box, closed)(y0, ts, [*leaves, *captured])
        return ys, status

    def odeint(f: Dynamics, y0: PyTree, ts: Any, params: PyTree = None) -> PyTree:
        ys, status = run(f, jax.tree.map(jnp.asarray, y0), _floats(ts), params)
        if not isinstance(status, jax.core.Tracer) and status != Status.ok:
            raise SolveError(int(status))
        return ys

    return odeint


def _floats(ts: Any) -> jax.Array:
    times = jnp.asarray(ts)
    floats: jax.Array = times.astype(jnp.promote_types(times.dtype, jnp.float32))
    return floats


def _differentiable(solve: Solve, options: dict[str, Any], black_box: Backward, f: Dynamics) -> Any:
    """``(y0, ts, params) -> (ys, status)`` with the adjoint as its derivative; params is a list of arrays."""

    @jax.custom_vjp
    def run(y0: PyTree, ts: jax.Array, params: list[jax.Array]) -> tuple[PyTree, jax.Array]:
        ys, stats = solve(f, y0, ts, params, **options)
        return ys, jnp.asarray(stats.status)

    def forward(*args: Any) -> Any:
        y0, ts, params = jax.tree.map(lambda x: x.value, args, is_leaf=lambda x: hasattr(x, "perturbed"))
        ys, stats = solve(f, y0, ts, params, **options)
        perturbed = Perturbed.of(args[1], args[2])
        return (ys, jnp.asarray(stats.status)), (ys, ts, params, jnp.asarray(stats.next_step), perturbed)

    def reverse(residuals: Any, cotangents: Any) -> tuple[Any, Any, Any]:
        ys, *rest = residuals
        g = jax.tree.map(lambda y, g: g if isinstance(g, jax.Array) else jnp.zeros_like(y), ys, cotangents[0])
        return backward(black_box, f, g, ys, *rest)

    run.defvjp(forward, reverse, symbolic_zeros=True)
    return run

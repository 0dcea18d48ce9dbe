"""The continuous adjoint method (Chen et al. 2018, algorithm 2) around a solver that is a black box."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from odebench.contract import Dynamics, OdeInt, PyTree, Solve
from odebench_jax.rule import differentiable, instantiated, unperturbed

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
    """See :class:`odebench.contract.BindGradient`. The backward solve begins with the step that the forward one ended
    with, not with ``first_step``, which is of the other end. It has the forward's options, except:

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

    return differentiable(partial(_rule, solve, options, black_box))


def bind_seminorm(
    solve: Solve,
    options: dict[str, Any],
    *,
    adjoint_solver: Solve | None = None,
    adjoint_rtol: float | None = None,
    adjoint_atol: float | None = None,
) -> OdeInt:
    """:func:`bind` with the error of the parameters' cotangents left out of the norm (Kidger, Chen & Lyons 2021)."""
    return bind(
        solve,
        options,
        adjoint_solver=adjoint_solver,
        adjoint_rtol=adjoint_rtol,
        adjoint_atol=adjoint_atol,
        adjoint_norm="seminorm",
    )


def _rule(
    solve: Solve,
    options: dict[str, Any],
    black_box: Backward,
    f: Dynamics,
    y0: PyTree,
    ts: jax.Array,
    params: list[jax.Array],
) -> tuple[PyTree, Any]:
    @jax.custom_vjp
    def run(y0: PyTree, ts: jax.Array, params: list[jax.Array]) -> tuple[PyTree, jax.Array]:
        ys, stats = solve(f, y0, ts, params, **options)
        return ys, jnp.asarray(stats.status)

    def forward(*args: Any) -> Any:
        y0, ts, params = unperturbed(args)
        ys, stats = solve(f, y0, ts, params, **options)
        residuals = ys, ts, params, jnp.asarray(stats.next_step), Perturbed.of(args[1], args[2])
        return (ys, jnp.asarray(stats.status)), residuals

    def reverse(residuals: Any, cotangents: Any) -> tuple[Any, Any, Any]:
        ys, *rest = residuals
        return backward(black_box, f, instantiated(cotangents[0], ys), ys, *rest)

    run.defvjp(forward, reverse, symbolic_zeros=True)
    ys, status = run(y0, ts, params)
    return ys, status

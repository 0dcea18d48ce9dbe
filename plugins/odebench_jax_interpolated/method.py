"""The continuous adjoint whose state is interpolated, not solved for again: see :func:`bind`."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, jaxpr_as_fun
from jax.tree_util import Partial

from odebench.contract import Dynamics, OdeInt, PyTree, Solve, Unsupported
from odebench_jax.rule import differentiable, instantiated, name_of, unperturbed
from odebench_jax_adjoint.backward import Path, Perturbed, backward
from odebench_jax_adjoint.options import Backward, Norm


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
    """The backward solve is of ``(a, parameters' cotangents)`` alone: stable where the state's own way back is not.

    The gradient is as good as the solver's path between its steps: one of low order, as the cubic through the long
    steps of a method without dense output, limits it. The path takes the memory of all steps, for which ``max_steps``
    is set aside. Options are the adjoint's (:func:`odebench_jax_adjoint.method.bind`); ``adjoint_norm`` takes
    ``(a, list of parameter cotangents)``.

    :raises Unsupported: when the solver has no dense output.
    :raises ValueError: as the adjoint's.
    """
    if getattr(solve, "dense", None) is None:
        raise Unsupported(f"{name_of(solve)} cannot be interpolated: it has no dense output (`dense`)")
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


def _rule(
    solve: Any,
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
        ys, stats, path = solve.dense(f, y0, ts, params, **options)
        perturbed = Perturbed.of(args[1], args[2])
        residuals = ys, ts, params, jnp.asarray(stats.next_step), perturbed, _as_pytree(path, ts[0])
        return (ys, jnp.asarray(stats.status)), residuals

    def reverse(residuals: Any, cotangents: Any) -> tuple[Any, Any, Any]:
        ys, *rest = residuals
        return backward(black_box, f, instantiated(cotangents[0], ys), ys, *rest)

    run.defvjp(forward, reverse, symbolic_zeros=True)
    ys, status = run(y0, ts, params)
    return ys, status


def _as_pytree(path: Path, t: jax.Array) -> Partial:
    """The path with the arrays that it holds as leaves, to be handed from the forward to the backward pass."""
    if isinstance(path, Partial):
        return path
    closed, shape = jax.make_jaxpr(path, return_shape=True)(t)
    treedef = jax.tree.structure(shape)

    def evaluate(arrays: list[jax.Array], t: jax.Array) -> PyTree:
        return jax.tree.unflatten(treedef, jaxpr_as_fun(ClosedJaxpr(closed.jaxpr, arrays))(t))

    return Partial(evaluate, closed.consts)

"""diffrax's forward mode, made a gradient in reverse: see :class:`odebench.contract.BindGradient`."""

from __future__ import annotations

from typing import Any

import diffrax
import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from odebench.contract import Dynamics, OdeInt, PyTree, Solve
from odebench_jax.rule import differentiable, instantiated, is_varied, unperturbed


def forward(solve: Solve, options: dict[str, Any]) -> OdeInt:
    """``ForwardMode``: the Jacobian of the discrete map, a tangent for each number among y0, ts, params and what f has
    captured that is differentiated, all carried along in one solve; the backward pass is a product with it."""

    def rule(f: Dynamics, y0: PyTree, ts: jax.Array, arrays: list[jax.Array]) -> tuple[PyTree, Any]:
        return _rule(solve, options, f)(y0, ts, arrays)  # type: ignore[no-any-return]

    return differentiable(rule)


def _rule(solve: Any, options: dict[str, Any], f: Dynamics) -> Any:
    def primal(y0: PyTree, ts: jax.Array, arrays: list[jax.Array]) -> tuple[PyTree, jax.Array]:
        ys, stats = solve(f, y0, ts, arrays, adjoint=_forward_mode, **options)
        return ys, jnp.asarray(stats.status)

    def run(*args: Any) -> Any:
        values, treedef = jax.tree.flatten(unperturbed(args))
        varied = [is_varied(x) for x in jax.tree.leaves(args, is_leaf=lambda x: hasattr(x, "perturbed"))]

        def of_varied(some: list[jax.Array]) -> tuple[jax.Array, Any]:
            given = iter(some)
            merged = [next(given) if v else value for v, value in zip(varied, values, strict=True)]
            ys, status = primal(*jax.tree.unflatten(treedef, merged))
            return ravel_pytree(ys)[0], (ys, status)

        some = [value for v, value in zip(varied, values, strict=True) if v]
        blocks, result = jax.jacfwd(of_varied, has_aux=True)(some)
        given = iter(blocks)
        jacobian = jax.tree.unflatten(treedef, [next(given) if v else None for v in varied])
        return result, (result[0], jacobian)

    def pull(residuals: Any, cotangents: Any) -> Any:
        ys, jacobian = residuals
        g = ravel_pytree(instantiated(cotangents[0], ys))[0]
        return jax.tree.map(lambda block: jnp.tensordot(g, block, axes=1), jacobian)

    differentiated = jax.custom_vjp(primal)
    differentiated.defvjp(run, pull, symbolic_zeros=True)
    return differentiated


def _forward_mode(controller: Any) -> Any:
    return diffrax.ForwardMode()

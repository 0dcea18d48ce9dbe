"""Central differences of whole solves, for JAX: the baseline that no derivation can get wrong."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.flatten_util import ravel_pytree

from odebench.contract import Dynamics, OdeInt, PyTree, Solve
from odebench_jax.rule import differentiable, instantiated, is_varied, unperturbed

Arrays = list[jax.Array]


def bind(solve: Solve, options: dict[str, Any], *, difference_step: float | None = None) -> OdeInt:
    """Reverse mode by two solves for every number that is differentiated, one after the other.

    :param difference_step: by which a number x is moved, times max(1, abs(x)); the cube root of its dtype's resolution
        when left out. Times are moved by a quarter of the shortest interval at most. An adaptive solver's errors differ
        between the two solves: the gradient is no better than its tolerance over this.
    :raises ValueError: for a step that is not positive and finite.
    """
    if difference_step is not None and not 0 < difference_step < math.inf:
        raise ValueError(f"difference_step must be positive and finite, got {difference_step!r}")
    return differentiable(partial(_rule, solve, options, difference_step))


def _rule(
    solve: Solve,
    options: dict[str, Any],
    difference_step: float | None,
    f: Dynamics,
    y0: PyTree,
    ts: jax.Array,
    params: Arrays,
) -> tuple[PyTree, Any]:
    @jax.custom_vjp
    def run(*args: Any) -> tuple[PyTree, jax.Array]:
        ys, stats = solve(f, *args, **options)
        return ys, jnp.asarray(stats.status)

    def forward(*args: Any) -> Any:
        leaves, treedef = jax.tree.flatten(args, is_leaf=lambda x: hasattr(x, "perturbed"))
        varied = jax.tree.unflatten(treedef, [() if is_varied(x) else None for x in leaves])
        ys, status = run(*unperturbed(args))
        return (ys, status), (unperturbed(args), ys, varied)

    def reverse(residuals: Any, cotangents: Any) -> Any:
        args, ys, varied = residuals
        g = instantiated(cotangents[0], ys)
        leaves, treedef = jax.tree.flatten(args)
        flags = jax.tree.leaves(varied, is_leaf=lambda x: x is None or x == ())
        index = [i for i, flag in enumerate(flags) if flag is not None]
        moves = jax.tree.leaves(_moves(args, difference_step))

        def weighed(some: Arrays) -> jax.Array:
            full = list(leaves)
            for i, leaf in zip(index, some, strict=True):
                full[i] = leaf
            products = jax.tree.map(lambda g, y: jnp.sum(g * y), g, run(*jax.tree.unflatten(treedef, full))[0])
            return sum(jax.tree.leaves(products), jnp.zeros(()))

        bars: list[jax.Array | None] = [None] * len(leaves)
        differences = _central(weighed, [leaves[i] for i in index], [moves[i] for i in index])
        for i, bar in zip(index, differences, strict=True):
            bars[i] = bar
        return tuple(jax.tree.unflatten(treedef, bars))

    run.defvjp(forward, reverse, symbolic_zeros=True)
    ys, status = run(y0, ts, params)
    return ys, status


def _moves(args: tuple[PyTree, jax.Array, Arrays], difference_step: float | None) -> tuple[PyTree, jax.Array, Arrays]:
    """How far to move each number; anything for those that are not floats."""
    y0, ts, params = args

    def move(x: jax.Array) -> jax.Array:
        if not jnp.issubdtype(x.dtype, jnp.floating):
            return x
        part = jnp.finfo(x.dtype).eps ** (1 / 3) if difference_step is None else difference_step
        return jnp.asarray(part, x.dtype) * jnp.maximum(1, jnp.abs(x))

    shortest = jnp.abs(jnp.diff(ts)).min(initial=jnp.inf)
    y0_moves, ts_moves, params_moves = jax.tree.map(move, (y0, ts, params))
    return y0_moves, jnp.minimum(ts_moves, shortest / 4), params_moves


def _central(function: Any, arrays: Arrays, moves: Arrays) -> Arrays:
    """The gradient of a scalar function, an entry at a time."""
    x, unravel = ravel_pytree(arrays)
    far, _ = ravel_pytree(moves)

    def moved(at: tuple[jax.Array, jax.Array]) -> jax.Array:
        i, sign = at
        value: jax.Array = function(unravel(x.at[i].add(sign * far[i])))
        return value

    def entry(i: jax.Array) -> jax.Array:
        there, back = lax.map(moved, (jnp.stack([i, i]), jnp.array([1.0, -1.0], x.dtype)))
        # The distance that there is in floating point.
        slope: jax.Array = (there - back).astype(x.dtype) / ((x[i] + far[i]) - (x[i] - far[i]))
        return slope

    gradient: Arrays = unravel(lax.map(entry, jnp.arange(x.size)))
    return gradient

"""Forward sensitivities: ``S = ∂y/∂(t0, y0, params)`` is solved for beside y (Hairer, Nørsett & Wanner, I.14)."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.custom_derivatives import SymbolicZero

from odebench.contract import Dynamics, OdeInt, PyTree, Solve
from odebench_jax.rule import differentiable

Arrays = list[jax.Array]


def bind(solve: Solve, options: dict[str, Any]) -> OdeInt:
    """``dS/dt = ∂f/∂y S + ∂f/∂params``, a column for every number that is differentiated: both modes, no way back.

    What is not differentiated costs nothing; for ts there is one column in all. The error of S counts in the solver's
    norm, y and the columns of each array by themselves; a ``norm`` of the user's own is on y alone. So the steps, and
    ys within its tolerance, differ from those of a solve that is not differentiated.
    """
    return differentiable(partial(_rule, solve, options))


class Columns(NamedTuple):
    """What S has columns for.

    :param times: whether for t0.
    :param y0: the leaves of y0 that it has columns for, a column an entry.
    :param params: the arrays, likewise.
    """

    times: bool
    y0: tuple[int, ...]
    params: tuple[int, ...]


def _rule(
    solve: Solve, options: dict[str, Any], f: Dynamics, y0: PyTree, ts: jax.Array, params: Arrays
) -> tuple[PyTree, Any]:
    leaves, treedef = jax.tree.flatten(y0)

    @jax.custom_jvp
    def run(leaves: Arrays, ts: jax.Array, params: Arrays) -> tuple[Arrays, jax.Array]:
        ys, stats = solve(f, jax.tree.unflatten(treedef, leaves), ts, params, **options)
        return jax.tree.leaves(ys), jnp.asarray(stats.status)

    def jvp(primals: tuple[Arrays, jax.Array, Arrays], tangents: tuple[Any, Any, Any]) -> Any:
        leaves, ts, params = primals
        y_dots, ts_dot, p_dots = tangents
        columns = Columns(not isinstance(ts_dot, SymbolicZero), _varied(y_dots), _varied(p_dots))
        y0 = jax.tree.unflatten(treedef, leaves)
        (ys, s), stats = solve(_augmented(f, columns), _start(f, columns, y0, ts, params), ts, params, **_on_y(options))
        dots = [y_dots[i] for i in columns.y0] + [p_dots[i] for i in columns.params]
        if columns.times:
            dots.insert(0, ts_dot[:1])
        change = [jnp.zeros_like(y) for y in jax.tree.leaves(ys)]
        for block, dot in zip(s, dots, strict=True):
            change = [c + _contract(dot, leaf) for c, leaf in zip(change, block, strict=True)]
        if columns.times:
            slopes = lax.map(lambda at: jax.tree.leaves(f(at[0], at[1], params)), (ts, ys))
            change = [c + _scaled(ts_dot, dy) for c, dy in zip(change, slopes, strict=True)]
        status = jnp.asarray(stats.status)
        return (jax.tree.leaves(ys), status), (change, np.zeros(status.shape, jax.dtypes.float0))

    run.defjvp(jvp, symbolic_zeros=True)
    ys, status = run(leaves, ts, params)
    return jax.tree.unflatten(treedef, ys), status


def _varied(tangents: list[Any]) -> tuple[int, ...]:
    return tuple(
        i for i, x in enumerate(tangents) if not isinstance(x, SymbolicZero) and jnp.issubdtype(x.dtype, jnp.floating)
    )


def _start(f: Dynamics, columns: Columns, y0: PyTree, ts: jax.Array, params: Arrays) -> tuple[PyTree, list[Arrays]]:
    """``(y0, S(t0))``: S is a list of blocks, a block a list like the leaves of y0, of shape (columns, *leaf.shape).

    The state is -f(t0, y0) away at ts[0] from where it would be had it started a moment later.
    """
    leaves = jax.tree.leaves(y0)

    def zeros(count: int) -> Arrays:
        return [jnp.zeros((count, *leaf.shape), leaf.dtype) for leaf in leaves]

    s = []
    if columns.times:
        s.append(
            [-dy[None].astype(y.dtype) for dy, y in zip(jax.tree.leaves(f(ts[0], y0, params)), leaves, strict=True)]
        )
    for i in columns.y0:
        block, leaf = zeros(leaves[i].size), leaves[i]
        block[i] = jnp.eye(leaf.size, dtype=leaf.dtype).reshape(leaf.size, *leaf.shape)
        s.append(block)
    return y0, [*s, *(zeros(params[i].size) for i in columns.params)]


def _augmented(f: Dynamics, columns: Columns) -> Dynamics:
    """The dynamics of (y, S): one linearisation of f, and one product with all columns."""

    def dynamics(t: jax.Array, state: tuple[PyTree, list[Arrays]], params: Arrays) -> tuple[PyTree, list[Arrays]]:
        y, s = state
        structure, fixed = jax.tree.structure(y), len(s) - len(columns.params)

        def inner(y: PyTree, some: Arrays) -> PyTree:
            full = list(params)
            for i, p in zip(columns.params, some, strict=True):
                full[i] = p
            return f(t, y, full)

        some = [params[i] for i in columns.params]
        dy, push = jax.linearize(inner, y, some)
        counts = [block[0].shape[0] for block in s]
        stacked = jax.tree.unflatten(structure, [jnp.concatenate(parts) for parts in zip(*s, strict=True)])
        directions = []
        for place, p in enumerate(some, fixed):
            identity = jnp.eye(p.size, dtype=p.dtype).reshape(p.size, *p.shape)
            before, after = sum(counts[:place]), sum(counts[place + 1 :])
            directions.append(jnp.pad(identity, [(before, after), *[(0, 0)] * p.ndim]))
        ds = jax.vmap(push)(stacked, directions)
        ends = [sum(counts[: i + 1]) for i in range(len(counts) - 1)]
        pieces = [jnp.split(leaf, ends) for leaf in jax.tree.leaves(ds)]
        return dy, [list(block) for block in zip(*pieces, strict=True)]

    return dynamics


def _on_y(options: dict[str, Any]) -> dict[str, Any]:
    norm = options.get("norm")
    return options if norm is None else {**options, "norm": lambda state: norm(state[0])}


def _contract(dot: jax.Array, block: jax.Array) -> jax.Array:
    """``Σ_c dot[c] S[:, c]`` of a block (T, columns, *leaf.shape)."""
    product: jax.Array = jnp.tensordot(block, dot.ravel().astype(block.dtype), axes=[[1], [0]])
    return product


def _scaled(ts_dot: jax.Array, dy: jax.Array) -> jax.Array:
    return ts_dot.astype(dy.dtype).reshape(-1, *[1] * (dy.ndim - 1)) * dy

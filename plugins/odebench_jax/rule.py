"""From a derivative rule on arrays to a differentiable solve."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from odebench.contract import Dynamics, OdeInt, PyTree, Solve, SolveError, Status

Rule = Callable[[Dynamics, PyTree, jax.Array, list[jax.Array]], tuple[PyTree, Any]]
"""``(f, y0, ts, arrays) -> (ys, status)`` with a derivative of its own; ``f(t, y, arrays)`` depends on nothing else."""


def differentiable(rule: Rule) -> OdeInt:
    """The ``odeint`` of such a rule. What f has captured is among the arrays, so that it gets its gradient.

    Outside jit, f is compiled once for each function object: pass what changes in params.
    """

    @partial(jax.jit, static_argnums=0)
    def run(f: Dynamics, y0: PyTree, ts: jax.Array, params: PyTree) -> tuple[PyTree, jax.Array]:
        leaves, treedef = jax.tree.flatten(params)
        count = len(leaves)

        def on_leaves(t: jax.Array, y: PyTree, leaves: list[jax.Array]) -> PyTree:
            return f(t, y) if params is None else f(t, y, jax.tree.unflatten(treedef, leaves))

        converted, captured = jax.closure_convert(on_leaves, ts[0], y0, leaves)

        def closed(t: jax.Array, y: PyTree, arrays: list[jax.Array]) -> PyTree:
            return converted(t, y, arrays[:count], *arrays[count:])

        ys, status = rule(closed, y0, ts, [*leaves, *captured])
        return ys, jnp.asarray(status)

    def odeint(f: Dynamics, y0: PyTree, ts: Any, params: PyTree = None) -> PyTree:
        ys, status = run(hashable(f), jax.tree.map(jnp.asarray, y0), _floats(ts), params)
        if not isinstance(status, jax.core.Tracer) and status != Status.ok:
            raise SolveError(int(status))
        return ys

    return odeint


def hashable(f: Dynamics) -> Dynamics:
    """f, or for a callable that cannot be a key, as one that holds arrays, one that can."""
    try:
        hash(f)
    except TypeError:
        return partial(f)
    return f


def unperturbed(args: Any) -> Any:
    """The values of what ``symbolic_zeros`` hands to a derivative rule."""
    return jax.tree.map(lambda x: x.value, args, is_leaf=lambda x: hasattr(x, "perturbed"))


def is_varied(x: Any) -> bool:
    """Whether such an argument is differentiated, and can be."""
    return bool(x.perturbed and jnp.issubdtype(x.value.dtype, jnp.floating))


def instantiated(cotangents: PyTree, like: PyTree) -> PyTree:
    """Cotangents with zeros for the symbolic ones."""
    return jax.tree.map(lambda g, y: g if isinstance(g, jax.Array) else jnp.zeros_like(y), cotangents, like)


def name_of(solve: Solve) -> str:
    """What messages call a solver."""
    named = getattr(solve, "tableau", solve)
    return str(getattr(named, "name", None) or getattr(solve, "__name__", type(solve).__name__))


def _floats(ts: Any) -> jax.Array:
    times = jnp.asarray(ts)
    floats: jax.Array = times.astype(jnp.promote_types(times.dtype, jnp.float32))
    return floats

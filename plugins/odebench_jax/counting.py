"""Calls of the dynamics, counted when they run: how often a loop goes round, only the run knows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax, tree_util

from odebench.adapter import Counts
from odebench.contract import Dynamics, PyTree


def counted(f: Dynamics, counts: Counts) -> Dynamics:
    """f, which ticks when it is evaluated, and when a tangent is pushed or a cotangent pulled through it.

    JAX differentiates f itself, in any mode; only its output passes through an identity that ticks with its
    derivative. Under ``vmap`` a batch is one tick: a Jacobian that is made of n tangents at once is one JVP. What
    ``jax.checkpoint`` evaluates again is not counted again: JAX drops callbacks from its second pass.
    """

    def count_f(earliest: Any, latest: Any, _: Any) -> None:
        counts.f += 1
        counts.earliest = min(counts.earliest, float(earliest))
        counts.latest = max(counts.latest, float(latest))

    def count_jvp(_: Any) -> None:
        counts.jvp += 1

    def count_vjp(_: Any) -> None:
        counts.vjp += 1

    def pass_on(call: Callable[[Any], None]) -> Callable[[Any, PyTree], PyTree]:
        def solve(_: Any, tree: PyTree) -> PyTree:
            _tick(call, _number(tree))
            return tree

        return solve

    @jax.custom_jvp
    def watched(dy: PyTree) -> PyTree:
        return dy

    @watched.defjvp
    def _(primals: tuple[PyTree], tangents: tuple[PyTree]) -> tuple[PyTree, PyTree]:
        # To solve Ix = b is the one linear map of JAX's that brings its own transpose and can be batched.
        (dy,), (tangent,) = primals, tangents
        return watched(dy), lax.custom_linear_solve(lambda x: x, tangent, pass_on(count_jvp), pass_on(count_vjp))

    def call(t: Any, *args: PyTree) -> PyTree:
        time = lax.stop_gradient(jnp.asarray(t))
        _tick(count_f, time, time, _number(lax.stop_gradient((t, args))))
        return watched(f(t, *args))

    return call


def _number(tree: PyTree) -> jax.Array:
    """A number made of all leaves: a tick that depends on nothing would be moved out of a loop."""
    return sum((jnp.sum(leaf) for leaf in tree_util.tree_leaves(tree)), start=jnp.zeros(()))


def _tick(call: Callable[..., None], *numbers: jax.Array) -> None:
    """Call on the host whenever this is run; under ``vmap`` once, with the first's minimum and the others' maxima."""

    @jax.custom_batching.custom_vmap
    def tick(*numbers: jax.Array) -> None:
        jax.debug.callback(call, *numbers)

    @tick.def_vmap
    def _(axis_size: int, in_batched: list[bool], *numbers: jax.Array) -> tuple[None, None]:
        del axis_size
        reductions = [jnp.min, *[jnp.max] * (len(numbers) - 1)]
        lanes = zip(reductions, numbers, in_batched, strict=True)
        tick(*(reduce(x, axis=0) if batched else x for reduce, x, batched in lanes))
        return None, None

    tick(*numbers)

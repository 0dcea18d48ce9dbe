"""Vector–Jacobian products of the dynamics, in the form that XLA has the fast routines for."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

from odebench.contract import PyTree


def vjp(f: Callable[..., PyTree], *primals: PyTree) -> tuple[PyTree, Callable[[PyTree], tuple[PyTree, ...]]]:
    """``jax.vjp``, but that the cotangent is pulled through in a batch of one.

    The gradient of ``x @ w`` with respect to w sums over the rows of two matrices, ``xᵀ @ g``. On a CPU XLA hands such
    a product, as it stands, to a generic routine; one with a further axis it first brings into the order that its
    library of quick ones takes. That is worth up to half of a product's time where the matrices are narrow. In
    float64, of which that library has none, nothing is done. Nor is it where f's own derivative calls the host in a
    way that JAX cannot batch.
    """
    out, pull = jax.vjp(f, *primals)
    if any(leaf.dtype == jnp.float64 for leaf in jax.tree.leaves(out)):
        return out, pull

    def pull_one(cotangent: PyTree) -> tuple[PyTree, ...]:
        found: tuple[PyTree, ...]
        try:
            batch = jax.vmap(pull)(jax.tree.map(lambda x: x[None], cotangent))
            found = jax.tree.map(lambda x: x[0], batch)
        except (NotImplementedError, ValueError):  # of a callback, an ordered one; f's own errors come again
            found = pull(cotangent)
        return found

    return out, pull_one

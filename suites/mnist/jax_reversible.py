"""A stack of reversible blocks (Gomez et al. 2017) that keeps its output and no activation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import jax
import jax.numpy as jnp
from jax import Array, lax

Params = dict[str, Array]
Branch = Callable[[Params, str, Array], Array]
"""``branch(params, name, x)``: F or G of a block, by its name."""


def reversible(branch: Branch, x: Array, blocks: Sequence[tuple[str, str]], params: Mapping[str, Array]) -> Array:
    """x (B, …, C) through blocks y₁ = x₁ + F(x₂), y₂ = x₂ + G(y₁) on the halves of its channels.

    The backward pass finds each block's input from its output: x₂ = y₂ − G(y₁), x₁ = y₁ − F(x₂).

    :param blocks: the names of F and G of each.
    """

    @jax.custom_vjp
    def stack(x: Array, parts: dict[str, Params]) -> Array:
        x1, x2 = jnp.split(x, 2, -1)
        for f, g in blocks:
            x1 = x1 + branch(parts[f], f, x2)
            x2 = x2 + branch(parts[g], g, x1)
        return jnp.concatenate([x1, x2], -1)

    def forward(x: Array, parts: dict[str, Params]) -> tuple[Array, tuple[Array, dict[str, Params]]]:
        y = stack(x, parts)
        return y, (y, parts)

    def backward(kept: tuple[Array, dict[str, Params]], cotangent: Array) -> tuple[Array, dict[str, Params]]:
        y, parts = kept
        grads: dict[str, Params] = {}
        (y1, y2), (g1, g2) = jnp.split(y, 2, -1), jnp.split(cotangent, 2, -1)
        for f, g in reversed(blocks):
            # Without a barrier XLA may make all inputs first, and then have them all in memory.
            y1, y2, g1, g2 = lax.optimization_barrier((y1, y2, g1, g2))
            out, pull = jax.vjp(lambda p, x, g=g: branch(p, g, x), parts[g], y1)
            grads[g], pulled = pull(g2)
            y2, g1 = y2 - out, g1 + pulled
            out, pull = jax.vjp(lambda p, x, f=f: branch(p, f, x), parts[f], y2)
            grads[f], pulled = pull(g1)
            y1, g2 = y1 - out, g2 + pulled
        return jnp.concatenate([g1, g2], -1), grads

    stack.defvjp(forward, backward)
    return stack(x, {n: {k: p for k, p in params.items() if k.startswith(f"{n}.")} for pair in blocks for n in pair})

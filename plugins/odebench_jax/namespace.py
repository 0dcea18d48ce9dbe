"""The Array API on JAX's arrays, and those functions of nets that it has not."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

elu, relu, sigmoid, softplus = jax.nn.elu, jax.nn.relu, jax.nn.sigmoid, jax.nn.softplus
log_softmax = jax.nn.log_softmax
stop_gradient = lax.stop_gradient
vjp = jax.vjp


def logsumexp(x: jax.Array, /, *, axis: int = -1) -> jax.Array:
    return jax.nn.logsumexp(x, axis)


def jvp(f: Any, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
    return jax.jvp(f, primals, tangents)


def scan(step: Any, carry: Any, xs: Any) -> tuple[Any, Any]:
    """``(carry, ys)`` of ``step(carry, x) -> (carry, y)`` along the first axis of xs; ys are stacked along theirs."""
    return lax.scan(step, carry, xs)


def __getattr__(name: str) -> Any:
    return getattr(jnp, name)

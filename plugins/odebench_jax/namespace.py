"""The Array API on JAX's arrays, and those functions of nets that it has not."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

elu, relu, sigmoid, softplus = jax.nn.elu, jax.nn.relu, jax.nn.sigmoid, jax.nn.softplus
log_softmax, logsumexp = jax.nn.log_softmax, jax.nn.logsumexp
stop_gradient = lax.stop_gradient
vjp = jax.vjp


def jvp(f: Any, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
    return jax.jvp(f, primals, tangents)


def __getattr__(name: str) -> Any:
    return getattr(jnp, name)

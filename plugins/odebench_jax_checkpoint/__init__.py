"""Backpropagation from checkpoints, as many as the user chooses or one a step, for JAX."""

from collections.abc import Callable

import odebench


@odebench.hookimpl
def odebench_register_gradients(register: Callable[[odebench.GradientMethod], None]) -> None:
    register(
        odebench.GradientMethod(
            library="jax",
            name="checkpoint",
            code=".method:bind",
            requires=("jax", "jaxlib"),
            summary="the exact gradient of the discrete map, from as many states as `checkpoints` says",
        )
    )
    register(
        odebench.GradientMethod(
            library="jax",
            name="aca",
            code=".method:bind_aca",
            requires=("jax", "jaxlib"),
            summary="the exact gradient of the discrete map, from the state of every accepted step",
        )
    )

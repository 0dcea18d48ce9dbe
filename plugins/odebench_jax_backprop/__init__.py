"""Backpropagation through the solver's own steps, for JAX."""

from collections.abc import Callable

import odebench


@odebench.hookimpl
def odebench_register_gradients(register: Callable[[odebench.GradientMethod], None]) -> None:
    register(
        odebench.GradientMethod(
            library="jax",
            name="backprop",
            code=".method:bind",
            requires=("jax", "jaxlib"),
            summary="the exact gradient of the discrete map: accepted steps in reverse, from checkpoints",
        )
    )

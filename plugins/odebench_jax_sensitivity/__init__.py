"""Forward sensitivities, for JAX."""

from collections.abc import Callable

import odebench


@odebench.hookimpl
def odebench_register_gradients(register: Callable[[odebench.GradientMethod], None]) -> None:
    register(
        odebench.GradientMethod(
            library="jax",
            name="forward",
            code=".method:bind",
            requires=("jax", "jaxlib"),
            summary="the state is solved for with its derivatives to y0 and params: for few of them",
        )
    )

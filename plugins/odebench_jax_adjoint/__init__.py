"""The continuous adjoint of Chen et al. (2018), for JAX."""

from collections.abc import Callable

import odebench


@odebench.hookimpl
def odebench_register_gradients(register: Callable[[odebench.GradientMethod], None]) -> None:
    register(
        odebench.GradientMethod(
            library="jax",
            name="adjoint",
            code=".method:bind",
            requires=("jax", "jaxlib"),
            summary="the continuous adjoint: the state is solved for again, in reverse, with its cotangent",
        )
    )

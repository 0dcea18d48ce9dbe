"""The continuous adjoint of Chen et al. (2018), for JAX, and with the seminorm of Kidger et al. (2021)."""

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
    register(
        odebench.GradientMethod(
            library="jax",
            name="seminorm",
            code=".method:bind_seminorm",
            requires=("jax", "jaxlib"),
            summary="the continuous adjoint, whose steps the error of the parameters' cotangents does not shorten",
        )
    )

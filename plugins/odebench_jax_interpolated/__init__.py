"""The interpolated adjoint: the continuous adjoint along the path of the forward solve, for JAX."""

from collections.abc import Callable

import odebench


@odebench.hookimpl
def odebench_register_gradients(register: Callable[[odebench.GradientMethod], None]) -> None:
    register(
        odebench.GradientMethod(
            library="jax",
            name="interpolated",
            code=".method:bind",
            requires=("jax", "jaxlib"),
            summary="the continuous adjoint, with the state from the forward solve's dense output",
        )
    )

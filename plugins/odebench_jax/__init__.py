"""JAX: the framework, and the engine that makes a solver of any Butcher tableau."""

from collections.abc import Callable

import odebench


@odebench.hookimpl
def odebench_register_frameworks(register: Callable[[odebench.Framework], None]) -> None:
    register(
        odebench.Framework(
            name="jax",
            code=".adapter:JaxAdapter",
            requires=("jax", "jaxlib", "optax"),
            runge_kutta=f"{__name__}.runge_kutta:RungeKutta",
            namespace=f"{__name__}.namespace",
            locate=f"{__name__}.events:locate",
            implicit_runge_kutta="odebench_jax_implicit.engine:ImplicitRungeKutta",
        )
    )

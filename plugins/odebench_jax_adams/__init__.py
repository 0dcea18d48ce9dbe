"""Adams methods in JAX: fixed order on fixed steps, and variable step and order."""

from collections.abc import Callable

import odebench


@odebench.hookimpl
def odebench_register_solvers(register: Callable[[odebench.Solver], None]) -> None:
    for name, order, adaptive in (
        ("adams_bashforth2", 2, False),
        ("adams_bashforth4", 4, False),
        ("adams_moulton4", 4, False),
        ("adams", None, True),
    ):
        register(
            odebench.Solver(
                name=name,
                library="jax",
                code=f".solvers:{name}",
                requires=("jax", "jaxlib"),
                order=order,
                adaptive=adaptive,
            )
        )

"""Reversible Heun: a solver whose steps can be undone, and the exact gradient that this gives, for JAX."""

from collections.abc import Callable

import odebench


@odebench.hookimpl
def odebench_register_solvers(register: Callable[[odebench.Solver], None]) -> None:
    register(
        odebench.Solver(
            library="jax",
            name="reversible_heun",
            code=".solver:reversible_heun",
            requires=("jax", "jaxlib"),
            order=2,
            adaptive=True,
        )
    )


@odebench.hookimpl
def odebench_register_gradients(register: Callable[[odebench.GradientMethod], None]) -> None:
    register(
        odebench.GradientMethod(
            library="jax",
            name="reversible",
            code=".method:bind",
            requires=("jax", "jaxlib"),
            solvers=("reversible_heun",),
            summary="the exact gradient of the discrete map, from steps that are undone: no state is kept",
        )
    )

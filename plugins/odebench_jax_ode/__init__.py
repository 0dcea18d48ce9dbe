"""``jax.experimental.ode``: Dormand and Prince's method, and its continuous adjoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

import odebench

if TYPE_CHECKING:
    from collections.abc import Callable

REQUIRES = ("jax", "jaxlib")


@odebench.hookimpl
def odebench_register_solvers(register: Callable[[odebench.Solver], None]) -> None:
    register(
        odebench.Solver(
            library="jax-ode",
            framework="jax",
            name="dopri5",
            code=".solver:dopri5",
            order=5,
            adaptive=True,
            requires=REQUIRES,
            unlike=(
                "a first step of its own, by the L2 norm; no norm, min_step, step or num_steps; time in the state's "
                "type, descending times by the mirrored problem; steps beyond the end, and outputs (the last, too) by "
                "a quartic through the step; max_steps is for each interval, and when used up, or where f "
                "is NaN, the output is extrapolated: no status tells in compiled code, nor of intervals but the last, "
                "nor after a rejected attempt beyond the end; nfe and steps are not told; matmul precision is 'highest'"
            ),
        )
    )


@odebench.hookimpl
def odebench_register_gradients(register: Callable[[odebench.GradientMethod], None]) -> None:
    register(
        odebench.GradientMethod(
            library="jax-ode",
            framework="jax",
            name="adjoint",
            code=".gradient:adjoint",
            requires=REQUIRES,
            summary="the continuous adjoint, y reset at each output",
            unlike=(
                "one root mean square over y, its adjoint, t's and all parameters'; the backward solve has the forward "
                "tolerances, and chooses its first step anew in each interval; a direction of time that "
                "is traced is one inert number more in that norm, as is the end where f captures what is "
                "differentiated outside jit"
            ),
        )
    )

"""PyTorch: the reversible Heun method, and its gradient by going back over the steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import odebench

if TYPE_CHECKING:
    from collections.abc import Callable


@odebench.hookimpl
def odebench_register_solvers(register: Callable[[odebench.Solver], None]) -> None:
    register(
        odebench.Solver(
            library="torch",
            name="reversible_heun",
            code=".solver:reversible_heun",
            requires=("torch", "optree"),
            order=2,
            adaptive=True,
        )
    )


@odebench.hookimpl
def odebench_register_gradients(register: Callable[[odebench.GradientMethod], None]) -> None:
    register(
        odebench.GradientMethod(
            library="torch",
            name="reversible",
            code=".method:bind",
            requires=("torch", "optree"),
            solvers=("reversible_heun",),
            summary="backprop's gradient, each state computed back from the one after it: memory independent of steps",
        )
    )


@odebench.hookimpl
def odebench_register_parts(register: Callable[[odebench.Parts], None]) -> None:
    register(
        odebench.Parts(
            library="torch",
            autograd=("odebench_torch_reversible.method:_Knot",),
            stages=("odebench_torch_reversible.solver",),
            control=("odebench_torch_reversible.method",),
        )
    )

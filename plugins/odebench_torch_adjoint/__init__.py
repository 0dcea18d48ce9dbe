"""PyTorch: the continuous adjoint method, and the same with a seminorm."""

from __future__ import annotations

from typing import TYPE_CHECKING

import odebench

if TYPE_CHECKING:
    from collections.abc import Callable


@odebench.hookimpl
def odebench_register_gradients(register: Callable[[odebench.GradientMethod], None]) -> None:
    register(
        odebench.GradientMethod(
            library="torch",
            name="adjoint",
            code=".method:bind",
            requires=("torch", "optree"),
            summary="the continuous adjoint, solved backwards: memory does not grow with the steps",
        )
    )
    register(
        odebench.GradientMethod(
            library="torch",
            name="seminorm",
            code=".seminorm:bind",
            requires=("torch", "optree"),
            summary="the adjoint, with steps chosen by y and its cotangent alone, not by the parameters' integrals",
        )
    )


@odebench.hookimpl
def odebench_register_parts(register: Callable[[odebench.Parts], None]) -> None:
    register(
        odebench.Parts(
            library="torch",
            autograd=("odebench_torch_adjoint.augmented",),
            norm=("odebench_torch_adjoint.backward:seminorm_of",),
            control=("odebench_torch_adjoint",),
        )
    )

"""PyTorch: forward sensitivities, for few parameters."""

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
            name="forward",
            code=".method:bind",
            requires=("torch", "optree"),
            summary="forward sensitivities: y and its Jacobian in y0 and the parameters as one solve, no backward pass",
        )
    )


@odebench.hookimpl
def odebench_register_parts(register: Callable[[odebench.Parts], None]) -> None:
    register(
        odebench.Parts(
            library="torch",
            autograd=("odebench_torch_sensitivity.variational",),
            norm=("odebench_torch_sensitivity.variational:norm_of",),
            control=("odebench_torch_sensitivity.method",),
        )
    )

"""PyTorch: the continuous adjoint along the path that the forward solve took."""

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
            name="interpolated",
            code=".method:bind",
            requires=("torch", "optree"),
            summary="the adjoint with y from the forward solve's dense output: keeps the path, not the activations",
        )
    )


@odebench.hookimpl
def odebench_register_parts(register: Callable[[odebench.Parts], None]) -> None:
    register(
        odebench.Parts(
            library="torch",
            autograd=("odebench_torch_interpolated.method:_Along",),
            control=("odebench_torch_interpolated",),
        )
    )

"""PyTorch: backpropagation through a solver's own operations."""

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
            name="backprop",
            code=".method:bind",
            requires=("torch", "optree"),
            summary="through the solver: exact for the steps taken, keeps the activations of each",
        )
    )

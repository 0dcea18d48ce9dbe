"""PyTorch: the gradient of the discrete map from states instead of activations."""

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
            name="checkpoint",
            code=".method:bind",
            requires=("torch", "optree"),
            summary="backprop's gradient from a fixed number of states: steps are taken again, in recursive order",
        )
    )
    register(
        odebench.GradientMethod(
            library="torch",
            name="aca",
            code=".method:bind_all",
            requires=("torch", "optree"),
            summary="backprop's gradient from the state of every step: each is taken again once",
        )
    )

"""PyTorch: how it is measured, and an engine that makes any explicit Runge–Kutta tableau a solver in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import odebench

if TYPE_CHECKING:
    from collections.abc import Callable


@odebench.hookimpl
def odebench_register_frameworks(register: Callable[[odebench.Framework], None]) -> None:
    register(
        odebench.Framework(
            name="torch",
            code=".adapter:TorchAdapter",
            runge_kutta="odebench_torch.runge_kutta:RungeKutta",
            implicit_runge_kutta="odebench_torch_implicit.engine:ImplicitRungeKutta",
            namespace="odebench_torch.namespace",
            locate="odebench_torch.events:locate",
            requires=("torch", "optree", "array-api-compat"),
        )
    )

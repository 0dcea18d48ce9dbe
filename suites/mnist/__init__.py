"""MNIST, as in Table 1 of *Neural Ordinary Differential Equations* (Chen et al. 2018)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import odebench

if TYPE_CHECKING:
    from collections.abc import Callable

_TASKS = {
    "mlp": "1-layer MLP",
    "stem": "stem alone (control)",
    "resblock": "1 ResBlock (control)",
    "resnet": "ResNet, 6 ResBlocks",
    "revnet": "RevNet, 6 reversible blocks",
    "odenet": "ODE block",
}


@odebench.hookimpl
def odebench_register_tasks(register: Callable[[odebench.Task], None]) -> None:
    for model, title in _TASKS.items():
        register(
            odebench.Task(
                name=f"mnist/{model}",
                code=f".task:make_{model}",
                frameworks=("torch", "jax"),
                ode=model == "odenet",
                title=title,
            )
        )

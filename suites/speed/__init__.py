"""What the gradient of one solve costs, ours and our rivals', on the workloads that the targets are set on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import odebench

if TYPE_CHECKING:
    from collections.abc import Callable

_TASKS = {"spiral": "net of the spiral", "conv": "conv block of MNIST", "mlp": "MLP 64-128-64"}


@odebench.hookimpl
def odebench_register_tasks(register: Callable[[odebench.Task], None]) -> None:
    for name, title in _TASKS.items():
        register(
            odebench.Task(
                name=f"speed/{name}", code=f".workloads:make_{name}", frameworks=("torch", "jax"), title=title
            )
        )

"""What gradients cost and how wrong they are, and the probes that tell methods apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import odebench

if TYPE_CHECKING:
    from collections.abc import Callable

_TASKS = {
    "field": "neural field",
    "spiral": "cubic spiral",
    "vanderpol": "Van der Pol, unstable in reverse",
    "wall": "field that ends at t1",
    "closure": "captured tensor",
}


@odebench.hookimpl
def odebench_register_tasks(register: Callable[[odebench.Task], None]) -> None:
    for name, title in _TASKS.items():
        register(
            odebench.Task(
                name=f"gradients/{name}",
                code=f".task:make_{name}",
                frameworks=("torch", "jax", "numpy", "tensorflow"),
                title=title,
            )
        )

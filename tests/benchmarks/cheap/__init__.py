"""A suite of cells that cost next to nothing, so that what is left is the harness."""

from __future__ import annotations

from typing import Any

import odebench


@odebench.hookimpl
def odebench_register_tasks(register: Any) -> None:
    register(odebench.Task(name="cheap", code=".task:Cheap", frameworks=("torch", "jax", "numpy"), ode=False))

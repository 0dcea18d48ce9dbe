"""A suite of one task, in PyTorch and JAX, that is trained, interrupted, and driven out of what a solver can do."""

from __future__ import annotations

import odebench


@odebench.hookimpl
def odebench_register_tasks(register):
    register(odebench.Task(name="lasting/flow", code=".task:Flow", frameworks=("torch", "jax"), title="a small flow"))

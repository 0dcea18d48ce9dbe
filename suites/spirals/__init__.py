"""The cubic spiral that the first demonstrations of Neural ODEs learn: torchdiffeq's and HIPS autograd's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import odebench

if TYPE_CHECKING:
    from collections.abc import Callable

_TASKS = {
    "ode_demo": "spiral from 10-step windows",
    "autograd_demo": "spiral's beginning, whole",
}
_PICTURES = {
    "trajectory": "true and learned trajectories against time",
    "phase": "true and learned phase portraits",
}


@odebench.hookimpl
def odebench_register_tasks(register: Callable[[odebench.Task], None]) -> None:
    for name, title in _TASKS.items():
        register(
            odebench.Task(
                name=f"spirals/{name}",
                code=f".task:make_{name}",
                frameworks=("torch", "jax"),
                requires=("scipy",),
                title=title,
            )
        )


@odebench.hookimpl
def odebench_register_figures(register: Callable[[odebench.Figure], None]) -> None:
    for name, title in _PICTURES.items():
        register(odebench.Figure(name=f"spirals/{name}", code=f".figures:draw_{name}", tasks="spirals/*", title=title))

"""Networks read as numerical methods: which are, of what order, and to the last bit or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import odebench

if TYPE_CHECKING:
    from collections.abc import Callable

_NETS = {
    "tied_resnet": "L weight-tied residual blocks",
    "polynet": "PolyNet, I + F + F²",
    "fixed_point": "I + F(I + F)",
    "fractalnet": "FractalNet of two columns",
    "densenet": "dense blocks of four layers",
    "revnet": "RevNet",
    "products": "dy/dw₁ of three scalar layers",
    "depth": "gradients through many layers",
}
_FIGURES = {
    "order": ("networks_as_solvers/*", "error against blocks, and the mismatch with backward Euler against the step"),
    "depth": ("networks_as_solvers/depth", "the gradient on its way back through nets with and without skips"),
    "memory": ("mnist/re[sv]net", "activations against blocks, of residual and of reversible nets"),
}


@odebench.hookimpl
def odebench_register_tasks(register: Callable[[odebench.Task], None]) -> None:
    for name, title in {**_NETS, "ode": "the ODE"}.items():
        register(
            odebench.Task(
                name=f"networks_as_solvers/{name}",
                code=f".task:make_{name}",
                frameworks=("torch", "jax"),
                ode=name == "ode",
                title=title,
                requires=("scipy",),
            )
        )


@odebench.hookimpl
def odebench_register_figures(register: Callable[[odebench.Figure], None]) -> None:
    for name, (tasks, title) in _FIGURES.items():
        register(
            odebench.Figure(
                name=f"networks_as_solvers/{name}",
                code=f".figures:{name}",
                tasks=tasks,
                title=title,
            )
        )

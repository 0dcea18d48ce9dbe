"""What a Neural ODE cannot do and an augmented one can: *Augmented Neural ODEs* (Dupont, Doucet & Teh 2019)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import odebench

if TYPE_CHECKING:
    from collections.abc import Callable

_TASKS = {
    "swap": "x to -x on the line",
    "identity": "x to x on the line",
    "spheres": "concentric spheres",
    "wedge": "annuli, a wedge held out",
    "mnist": "MNIST, convolutional field",
}
_RESNETS = {
    "spheres_resnet": "concentric spheres, ResNet",
    "wedge_resnet": "annuli, a wedge held out, ResNet",
}
_FIGURES = {
    "lines": ("anode/swap", "where points of the line go, by training step's end: NODE, ANODE and Euler"),
    "flows": ("anode/spheres", "features along the flow, in the plane of most variance"),
    "curves": ("anode/spheres", "NFE, loss and reconstruction error against the training step"),
    "boundaries": ("anode/wedge*", "what is said of every point of the plane, and the wedge that was held out"),
}


@odebench.hookimpl
def odebench_register_tasks(register: Callable[[odebench.Task], None]) -> None:
    for name, title in (_TASKS | _RESNETS).items():
        register(
            odebench.Task(
                name=f"anode/{name}",
                code=f".{'mnist' if name == 'mnist' else 'tasks'}:make_{name}",
                frameworks=("torch", "jax"),
                ode=name in _TASKS,
                title=title,
            )
        )


@odebench.hookimpl
def odebench_register_figures(register: Callable[[odebench.Figure], None]) -> None:
    for name, (tasks, title) in _FIGURES.items():
        register(odebench.Figure(name=f"anode/{name}", code=f".figures:draw_{name}", tasks=tasks, title=title))

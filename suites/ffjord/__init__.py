"""FFJORD (Grathwohl et al. 2019): continuous normalising flows with an unbiased trace of the Jacobian."""

from __future__ import annotations

from typing import TYPE_CHECKING

import odebench

if TYPE_CHECKING:
    from collections.abc import Callable

_TASKS = {
    "toy": ("toy density", ".toy:ToyTask"),
    "gaussian": ("Gaussian of D dimensions", ".gaussian:GaussianTask"),
    "mnist": ("MNIST, bits per dimension", ".images:ImageTask"),
    "tabular": ("table of the user's own", ".tabular:TabularTask"),
}
_PICTURES = {
    "densities": ("ffjord/toy", "learnt densities, samples and data"),
    "images": ("ffjord/mnist", "samples of the flow on MNIST"),
    "cost": ("ffjord/gaussian", "cost of a gradient against D: exact trace and Hutchinson's"),
}


@odebench.hookimpl
def odebench_register_tasks(register: Callable[[odebench.Task], None]) -> None:
    for name, (title, code) in _TASKS.items():
        register(odebench.Task(name=f"ffjord/{name}", code=code, frameworks=("torch", "jax"), title=title))
    register(
        odebench.Task(
            name="ffjord/trace",
            code=".estimator:TraceTask",
            frameworks=("torch", "jax"),
            ode=False,
            title="Hutchinson's estimator",
        )
    )


@odebench.hookimpl
def odebench_register_figures(register: Callable[[odebench.Figure], None]) -> None:
    for name, (tasks, title) in _PICTURES.items():
        register(odebench.Figure(name=f"ffjord/{name}", code=f".figures:draw_{name}", tasks=tasks, title=title))

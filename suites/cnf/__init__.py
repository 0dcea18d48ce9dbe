"""Continuous normalizing flows against planar ones, as in §4 of *Neural Ordinary Differential Equations* (2018)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import odebench

if TYPE_CHECKING:
    from collections.abc import Callable

_TASKS = {
    "match": "CNF to an energy",
    "two_moons": "CNF to Two Moons",
    "two_circles": "CNF to Two Circles",
    "match_planar": "planar NF to an energy",
    "two_moons_planar": "planar NF to Two Moons",
    "two_circles_planar": "planar NF to Two Circles",
}
_FIGURES = {
    "matched": ("cnf/match*", "The targets, and what flows of growing size make of them (Figure 4)"),
    "kl": ("cnf/match*", "KL against the number of units or layers (Figure 4d)"),
    "fitted": ("cnf/two_*", "Density and samples along the flow, from noise to data (Figure 5)"),
}


@odebench.hookimpl
def odebench_register_tasks(register: Callable[[odebench.Task], None]) -> None:
    for name, title in _TASKS.items():
        register(
            odebench.Task(
                name=f"cnf/{name}",
                code=f".tasks:make_{name}",
                frameworks=("torch", "jax"),
                ode=not name.endswith("_planar"),
                title=title,
            )
        )
    register(
        odebench.Task(name="cnf/mass", code=".mass:MassTask", frameworks=("torch", "jax"), title="mass of a density")
    )


@odebench.hookimpl
def odebench_register_figures(register: Callable[[odebench.Figure], None]) -> None:
    for name, (tasks, title) in _FIGURES.items():
        register(odebench.Figure(name=f"cnf/{name}", code=f".figures:{name}", tasks=tasks, title=title))

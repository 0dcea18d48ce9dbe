"""Events at random times: an inhomogeneous Poisson process whose likelihood is one solve (Chen et al. 2018, §5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import odebench

if TYPE_CHECKING:
    from collections.abc import Callable


@odebench.hookimpl
def odebench_register_tasks(register: Callable[[odebench.Task], None]) -> None:
    register(
        odebench.Task(
            name="poisson/events", code=".task:Events", frameworks=("torch", "jax"), title="rate of a latent state"
        )
    )


@odebench.hookimpl
def odebench_register_figures(register: Callable[[odebench.Figure], None]) -> None:
    register(
        odebench.Figure(
            name="poisson/rates",
            code=".figures:rates",
            tasks="poisson/events",
            title="the rate that was learnt and the true one, with events (Fig 7)",
        )
    )

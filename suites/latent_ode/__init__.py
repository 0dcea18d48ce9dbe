"""Series that are seen at irregular times: the latent ODE of Chen et al. 2018, §5, against recurrent nets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import odebench

if TYPE_CHECKING:
    from collections.abc import Callable

_TASKS = {
    "latent_ode": (".latent:LatentOde", "latent ODE"),
    "rnn": (".recurrent:make_rnn", "RNN"),
    "rnn_dt": (".recurrent:make_rnn_dt", "RNN that is told the gaps"),
    "ode_rnn": (".ode_rnn:OdeRnn", "ODE-RNN"),
}

_FIGURES = {
    "reconstructions": ("*", "what is made of a few series, within the times that are seen and beyond (Fig 8a, b, 10)"),
    "latent": ("latent_ode/latent_ode", "latent paths by direction (Fig 8c)"),
    "sweep": ("latent_ode/latent_ode", "what the numbers of the latent start mean (Fig 9)"),
    "errors": ("*", "error against the number of points that are seen (Table 2)"),
}


@odebench.hookimpl
def odebench_register_tasks(register: Callable[[odebench.Task], None]) -> None:
    for name, (code, title) in _TASKS.items():
        register(
            odebench.Task(
                name=f"latent_ode/{name}", code=code, frameworks=("torch", "jax"), ode="ode" in name, title=title
            )
        )


@odebench.hookimpl
def odebench_register_figures(register: Callable[[odebench.Figure], None]) -> None:
    for name, (tasks, title) in _FIGURES.items():
        register(odebench.Figure(name=f"latent_ode/{name}", code=f".figures:{name}", tasks=tasks, title=title))

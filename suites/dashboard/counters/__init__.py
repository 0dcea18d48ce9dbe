"""Figures of the native backends that are the same on every machine, followed over the project's commits.

Its tasks need nothing of odebench but what its first commits had, so that they can be replayed over them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import odebench

if TYPE_CHECKING:
    from collections.abc import Callable


@odebench.hookimpl
def odebench_register_tasks(register: Callable[[odebench.Task], None]) -> None:
    for name, title in {"spiral": "spiral net", "vanderpol": "Van der Pol, mu = 5"}.items():
        code = f".problems:make_{name}"
        register(odebench.Task(name=f"counters/{name}", code=code, frameworks=("torch", "jax"), title=title))

"""Events: when a ball hits the ground, the derivative of that, and physics learnt through it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import odebench

if TYPE_CHECKING:
    from collections.abc import Callable


@odebench.hookimpl
def odebench_register_tasks(register: Callable[[odebench.Task], None]) -> None:
    both = ("torch", "jax")
    register(
        odebench.Task(
            name="events/bouncing_ball",
            code=".impacts:BouncingBall",
            truth=".truth:truth",
            frameworks=both,
            title="bouncing ball",
        )
    )
    register(
        odebench.Task(
            name="events/learn_physics",
            code=".learning:LearnPhysics",
            frameworks=both,
            title="gravity and absorption, learnt through impacts",
        )
    )
    register(
        odebench.Task(
            name="events/no_events",
            code=".rival:NoEvents",
            frameworks=both,
            title="the same path by an augmented net without events",
        )
    )


@odebench.hookimpl
def odebench_register_figures(register: Callable[[odebench.Figure], None]) -> None:
    register(
        odebench.Figure(
            name="events/paths",
            code=".figures:draw_paths",
            tasks="events/*",
            title="observed and learnt heights, within and beyond what was seen",
        )
    )

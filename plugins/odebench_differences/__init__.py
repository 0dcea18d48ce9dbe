"""Central differences of whole solves: the gradient that knows nothing of f, in every framework."""

from __future__ import annotations

from typing import TYPE_CHECKING

import odebench

if TYPE_CHECKING:
    from collections.abc import Callable

REQUIRES = {
    ("torch", "torch"): ("torch", "optree"),
    ("jax", "jax"): ("jax", "jaxlib"),
    ("scipy", "numpy"): ("scipy", "autograd"),
}


@odebench.hookimpl
def odebench_register_gradients(register: Callable[[odebench.GradientMethod], None]) -> None:
    for (library, framework), requires in REQUIRES.items():
        register(
            odebench.GradientMethod(
                library=library,
                framework=framework,
                name="finite_difference",
                code=f".{framework}:bind",
                requires=requires,
                summary="central differences: two solves for every number that is differentiated",
            )
        )

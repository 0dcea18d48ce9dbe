"""PyTorch: Adams methods, of fixed order on given steps, and of variable order and step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import odebench

if TYPE_CHECKING:
    from collections.abc import Callable


@odebench.hookimpl
def odebench_register_solvers(register: Callable[[odebench.Solver], None]) -> None:
    for name, order in {"adams_bashforth2": 2, "adams_bashforth4": 4, "adams_moulton4": 4}.items():
        register(_solver(name, order=order))
    register(_solver("adams", order=None, adaptive=True))


def _solver(name: str, *, order: int | None, adaptive: bool = False) -> odebench.Solver:
    code = f".solvers:{name.upper()}"
    return odebench.Solver(
        library="torch", name=name, code=code, order=order, adaptive=adaptive, requires=("torch", "optree")
    )


@odebench.hookimpl
def odebench_register_parts(register: Callable[[odebench.Parts], None]) -> None:
    register(
        odebench.Parts(
            library="torch",
            stages=("odebench_torch_adams",),
            norm=("odebench_torch_adams.variable_order:VariableOrder._errors",),
            control=("odebench_torch_adams.control",),
        )
    )

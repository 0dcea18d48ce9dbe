"""PyTorch: the engine of diagonally implicit Runge–Kutta tableaus, which ``odebench_torch`` registers.

No solver is registered here: every :class:`odebench.DiagonallyImplicitRungeKutta` is one of torch through it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import odebench

if TYPE_CHECKING:
    from collections.abc import Callable


@odebench.hookimpl
def odebench_register_parts(register: Callable[[odebench.Parts], None]) -> None:
    register(
        odebench.Parts(
            library="torch",
            autograd=("odebench_torch_implicit.jacobian", "odebench_torch_implicit.newton:_Implicit"),
            stages=("odebench_torch_implicit",),
            norm=("odebench_torch_implicit.engine:_Method._error",),
            control=("odebench_torch_implicit.engine:_Family",),
        )
    )

"""Diagonally implicit Runge–Kutta methods, as tableaus: each serves every framework that has an engine for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import odebench

from .backward_euler import BACKWARD_EULER
from .implicit_midpoint import IMPLICIT_MIDPOINT
from .kencarp4 import KENCARP4
from .kvaerno3 import KVAERNO3
from .kvaerno4 import KVAERNO4
from .kvaerno5 import KVAERNO5
from .sdirk2 import SDIRK2
from .trapezoid import TRAPEZOID
from .trbdf2 import TRBDF2

if TYPE_CHECKING:
    from collections.abc import Callable

    from odebench.tableau import DiagonallyImplicitRungeKutta

TABLEAUS = (
    *(BACKWARD_EULER, IMPLICIT_MIDPOINT, TRAPEZOID, SDIRK2, TRBDF2),
    *(KVAERNO3, KVAERNO4, KENCARP4, KVAERNO5),
)


@odebench.hookimpl
def odebench_register_solvers(register: Callable[[DiagonallyImplicitRungeKutta], None]) -> None:
    for tableau in TABLEAUS:
        register(tableau)

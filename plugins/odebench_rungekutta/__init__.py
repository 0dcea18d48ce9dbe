"""The explicit Runge–Kutta methods, as tableaus: each serves every framework with every gradient method."""

from __future__ import annotations

from typing import TYPE_CHECKING

import odebench

from .bosh3 import BOSH3
from .dopri5 import DOPRI5
from .dopri8 import DOPRI8
from .euler import EULER
from .fehlberg45 import FEHLBERG45
from .heun2 import HEUN2
from .heun3 import HEUN3
from .midpoint import MIDPOINT
from .ralston import RALSTON
from .rk4 import RK4
from .rk4_38 import RK4_38
from .tsit5 import TSIT5

if TYPE_CHECKING:
    from collections.abc import Callable

    from odebench.tableau import ExplicitRungeKutta

TABLEAUS = (EULER, MIDPOINT, HEUN2, RALSTON, HEUN3, RK4, RK4_38, BOSH3, FEHLBERG45, DOPRI5, TSIT5, DOPRI8)


@odebench.hookimpl
def odebench_register_solvers(register: Callable[[ExplicitRungeKutta], None]) -> None:
    for tableau in TABLEAUS:
        register(tableau)

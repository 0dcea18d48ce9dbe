"""TR-BDF2, a trapezoidal step to 2γ and BDF2 to the end: L-stable, stiffly accurate, 2(3)."""

from __future__ import annotations

from math import sqrt

from odebench.tableau import DiagonallyImplicitRungeKutta
from odebench_rungekutta.hermite import hermite

_G = 1.0 - sqrt(0.5)
_W = sqrt(0.125)
_B = (_W, _W, _G)

TRBDF2 = DiagonallyImplicitRungeKutta(
    name="trbdf2",
    order=2,
    c=(0, 2 * _G, 1),
    a=((0,), (_G, _G), _B),
    b=_B,
    b_hat=((1 - _W) / 3, (3 * _W + 1) / 3, _G / 3),
    b_hat_order=3,
    dense=hermite(_B),
    source="M. E. Hosea and L. F. Shampine, Appl. Numer. Math. 20 (1996) 21–37",
)

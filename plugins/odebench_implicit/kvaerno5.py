"""Kværnø's 5(4) pair of seven stages: L-stable, stiffly accurate, explicit first stage; published as decimals.

Its third stage lies beyond the end of the step, at 1.230.
"""

from __future__ import annotations

from odebench.tableau import DiagonallyImplicitRungeKutta

_G = 0.26
_A3 = (0.13, 0.84033320996790809, _G)
_A4 = (0.22371961478320505, 0.47675532319799699, -0.06470895363112615, _G)
_A5 = (0.16648564323248321, 0.10450018841591720, 0.03631482272098715, -0.13090704451073998, _G)
_B_HAT = (0.13855640231268224, 0.0, -0.04245337201752043, 0.02446657898003141, 0.61943039072480676, _G)
_B = (
    *(0.13659751177640291, 0.0, -0.05496908796538376, -0.04118626728321046),
    *(0.62993304899016403, 0.06962479448202728, _G),
)

KVAERNO5 = DiagonallyImplicitRungeKutta(
    name="kvaerno5",
    order=5,
    c=(0, 2 * _G, sum(_A3), sum(_A4), sum(_A5), 1, 1),
    a=((0,), (_G, _G), _A3, _A4, _A5, _B_HAT, _B),
    b=_B,
    b_hat=(*_B_HAT, 0),
    source="A. Kværnø, BIT 44 (2004) 489–502, ESDIRK 5/4",
)

"""Kværnø's 3(2) pair of four stages: L-stable, stiffly accurate, explicit first stage."""

from __future__ import annotations

from fractions import Fraction as F  # noqa: N817

from odebench.tableau import DiagonallyImplicitRungeKutta
from odebench_rungekutta.hermite import hermite

# The root of γ³ - 3γ² + 3γ/2 - 1/6 for which the method is L-stable (HW IV.6, Table 6.4).
_G = F("0.435866521508458999416019451193567")
_B_HAT = tuple(map(float, ((-4 * _G**2 + 6 * _G - 1) / (4 * _G), (-2 * _G + 1) / (4 * _G), _G)))
_B = tuple(
    map(
        float,
        (
            (6 * _G - 1) / (12 * _G),
            -1 / ((24 * _G - 12) * _G),
            (-6 * _G**2 + 6 * _G - 1) / (6 * _G - 3),
            _G,
        ),
    )
)

KVAERNO3 = DiagonallyImplicitRungeKutta(
    name="kvaerno3",
    order=3,
    c=(0, float(2 * _G), 1, 1),
    a=((0,), (float(_G), float(_G)), _B_HAT, _B),
    b=_B,
    b_hat=(*_B_HAT, 0),
    dense=hermite(_B),  # of order 3 at every θ
    source="A. Kværnø, BIT 44 (2004) 489–502, ESDIRK 3/2",
)

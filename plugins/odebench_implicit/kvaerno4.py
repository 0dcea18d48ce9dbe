"""Kværnø's 4(3) pair of five stages: L-stable, stiffly accurate, explicit first stage.

Its second stage lies beyond the end of the step, at 2γ = 1.146.
"""

from __future__ import annotations

from fractions import Fraction as F  # noqa: N817

from odebench.tableau import DiagonallyImplicitRungeKutta
from odebench_rungekutta.hermite import hermite

# The root of γ⁴ - 4γ³ + 3γ² - 2γ/3 + 1/24 for which the method is L-stable (HW IV.6, Table 6.4).
_G = F("0.572816062482134855408001384976783")
# In fractions, since floats would lose a digit or two to cancellation.
_P, _Q, _R = 12 * _G**2 - 6 * _G + 1, 12 * _G**2 - 9 * _G + 2, 3 * _G - 1
_A3 = (
    (144 * _G**5 - 180 * _G**4 + 81 * _G**3 - 15 * _G**2 + _G) / _P**2,
    (-36 * _G**3 + 39 * _G**2 - 15 * _G + 2) * _G / _P**2,
    _G,
)
_A4 = (
    (-144 * _G**5 + 396 * _G**4 - 330 * _G**3 + 117 * _G**2 - 18 * _G + 1) / (12 * _G**2 * _Q),
    (72 * _G**4 - 126 * _G**3 + 69 * _G**2 - 15 * _G + 1) / (12 * _G**2 * _R),
    (-6 * _G**2 + 6 * _G - 1) * _P**2 / (12 * _G**2 * _Q * _R),
    _G,
)
_A5 = (
    (288 * _G**4 - 312 * _G**3 + 120 * _G**2 - 18 * _G + 1) / (48 * _G**2 * _Q),
    (24 * _G**2 - 12 * _G + 1) / (48 * _G**2 * _R),
    -(_P**3) / (48 * _G**2 * _R * _Q * (6 * _G**2 - 6 * _G + 1)),
    (-24 * _G**3 + 36 * _G**2 - 12 * _G + 1) / (24 * _G**2 - 24 * _G + 4),
    _G,
)
_A = [tuple(map(float, row)) for row in ((0,), (_G, _G), _A3, _A4, _A5)]

KVAERNO4 = DiagonallyImplicitRungeKutta(
    name="kvaerno4",
    order=4,
    c=(0, float(2 * _G), float(sum(_A3)), 1, 1),
    a=_A,
    b=_A[4],
    b_hat=(*_A[3], 0),
    dense=hermite(_A[4]),  # of order 3 at every θ
    source="A. Kværnø, BIT 44 (2004) 489–502, ESDIRK 4/3",
)

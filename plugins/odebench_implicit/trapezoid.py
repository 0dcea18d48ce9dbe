"""The trapezoidal rule: A-stable, order 2."""

from __future__ import annotations

from fractions import Fraction as F  # noqa: N817

from odebench.tableau import DiagonallyImplicitRungeKutta
from odebench_rungekutta.hermite import hermite

_B = (F(1, 2), F(1, 2))

TRAPEZOID = DiagonallyImplicitRungeKutta(
    name="trapezoid",
    order=2,
    c=(0, 1),
    a=((0,), _B),
    b=_B,
    dense=hermite(_B),
    source="HNW II.7, Table 7.7 (Lobatto IIIA, s = 2)",
)

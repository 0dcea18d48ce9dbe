"""The implicit midpoint rule: one Gauss point, symplectic and A-stable, order 2."""

from __future__ import annotations

from fractions import Fraction as F  # noqa: N817

from odebench.tableau import DiagonallyImplicitRungeKutta

IMPLICIT_MIDPOINT = DiagonallyImplicitRungeKutta(
    name="implicit_midpoint",
    order=2,
    c=(F(1, 2),),
    a=((F(1, 2),),),
    b=(1,),
    dense=((1,),),  # of order 1 inside a step
    source="HNW II.7, Table 7.1",
)

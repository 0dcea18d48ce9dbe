"""Backward Euler: L-stable, order 1."""

from __future__ import annotations

from odebench.tableau import DiagonallyImplicitRungeKutta

BACKWARD_EULER = DiagonallyImplicitRungeKutta(
    name="backward_euler",
    order=1,
    c=(1,),
    a=((1,),),
    b=(1,),
    dense=((1,),),
    source="HW IV.3, eq. 3.11",
)

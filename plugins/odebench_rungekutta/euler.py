"""Euler's method."""

from __future__ import annotations

from odebench.tableau import ExplicitRungeKutta

EULER = ExplicitRungeKutta(
    name="euler",
    order=1,
    c=(0,),
    a=((),),
    b=(1,),
    dense=((1,),),
    source="L. Euler, Institutionum calculi integralis I (1768), §650; HNW I.7",
)

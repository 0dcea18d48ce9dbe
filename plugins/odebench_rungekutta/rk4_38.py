"""Kutta's 3/8 rule: four stages, order 4."""

from __future__ import annotations

from fractions import Fraction as F  # noqa: N817

from odebench.tableau import ExplicitRungeKutta

RK4_38 = ExplicitRungeKutta(
    name="rk4_38",
    order=4,
    c=(0, F(1, 3), F(2, 3), 1),
    a=(
        (),
        (F(1, 3),),
        (F(-1, 3), 1),
        (1, -1, 1),
    ),
    b=(F(1, 8), F(3, 8), F(3, 8), F(1, 8)),
    # The four conditions of order 3, each an identity in θ, leave exactly these four polynomials.
    dense=(
        (1, F(-15, 8), 1),
        (0, F(15, 8), F(-3, 2)),
        (0, F(3, 8), 0),
        (0, F(-3, 8), F(1, 2)),
    ),
    source="W. Kutta, Z. Math. Phys. 46 (1901) 435–453; HNW II.1, Table 1.2",
)

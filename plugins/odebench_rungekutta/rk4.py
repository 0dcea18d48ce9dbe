"""The Runge–Kutta method: four stages, order 4."""

from __future__ import annotations

from fractions import Fraction as F  # noqa: N817

from odebench.tableau import ExplicitRungeKutta

RK4 = ExplicitRungeKutta(
    name="rk4",
    order=4,
    c=(0, F(1, 2), F(1, 2), 1),
    a=(
        (),
        (F(1, 2),),
        (0, F(1, 2)),
        (0, 0, 1),
    ),
    b=(F(1, 6), F(1, 3), F(1, 3), F(1, 6)),
    # Of order 3 at every θ.
    dense=(
        (1, F(-3, 2), F(2, 3)),
        (0, 1, F(-2, 3)),
        (0, 1, F(-2, 3)),
        (0, F(-1, 2), F(2, 3)),
    ),
    source="W. Kutta, Z. Math. Phys. 46 (1901) 435–453; HNW II.1, Table 1.2; dense output HNW II.6",
)

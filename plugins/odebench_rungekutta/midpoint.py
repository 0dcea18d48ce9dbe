"""The midpoint method of Runge: two stages, order 2."""

from __future__ import annotations

from fractions import Fraction as F  # noqa: N817

from odebench.tableau import ExplicitRungeKutta

MIDPOINT = ExplicitRungeKutta(
    name="midpoint",
    order=2,
    c=(0, F(1, 2)),
    a=((), (F(1, 2),)),
    b=(0, 1),
    # b₂(θ) = θ²/(2c₂), b₁(θ) = θ - b₂(θ): of order 2 at every θ, the only quadratics that are.
    dense=((1, -1), (0, 1)),
    source="C. Runge, Math. Ann. 46 (1895) 167–178; HNW II.1, eq. (1.4)",
)

"""Ralston's method: of the two-stage methods of order 2, the one with the least bound on its error."""

from __future__ import annotations

from fractions import Fraction as F  # noqa: N817

from odebench.tableau import ExplicitRungeKutta

RALSTON = ExplicitRungeKutta(
    name="ralston",
    order=2,
    c=(0, F(2, 3)),
    a=((), (F(2, 3),)),
    b=(F(1, 4), F(3, 4)),
    # b₂(θ) = θ²/(2c₂), b₁(θ) = θ - b₂(θ): of order 2 at every θ, the only quadratics that are.
    dense=((1, F(-3, 4)), (0, F(3, 4))),
    source="A. Ralston, Math. Comp. 16 (1962) 431–437",
)

"""Heun's method of order 2: Euler's predictor, the trapezoidal rule as corrector."""

from __future__ import annotations

from fractions import Fraction as F  # noqa: N817

from odebench.tableau import ExplicitRungeKutta

HEUN2 = ExplicitRungeKutta(
    name="heun2",
    order=2,
    c=(0, 1),
    a=((), (1,)),
    b=(F(1, 2), F(1, 2)),
    # b₂(θ) = θ²/(2c₂), b₁(θ) = θ - b₂(θ): of order 2 at every θ, the only quadratics that are.
    dense=((1, F(-1, 2)), (0, F(1, 2))),
    source="K. Heun, Z. Math. Phys. 45 (1900) 23–38; HNW II.1",
)

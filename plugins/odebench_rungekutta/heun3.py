"""Heun's method of order 3."""

from __future__ import annotations

from fractions import Fraction as F  # noqa: N817

from odebench.tableau import ExplicitRungeKutta

HEUN3 = ExplicitRungeKutta(
    name="heun3",
    order=3,
    c=(0, F(1, 3), F(2, 3)),
    a=(
        (),
        (F(1, 3),),
        (0, F(2, 3)),
    ),
    b=(F(1, 4), 0, F(3, 4)),
    # Three stages allow no continuous extension of order 3. Order 2 leaves b₃(θ) free: this one has, at every
    # θ, the least sum of squares of the two third-order error coefficients (Φ(t) - θ³/γ(t))/σ(t).
    dense=(
        (1, F(-33, 20), F(9, 10)),
        (0, F(9, 5), F(-9, 5)),
        (0, F(-3, 20), F(9, 10)),
    ),
    source="K. Heun, Z. Math. Phys. 45 (1900) 23–38; HNW II.1, Table 1.1",
)

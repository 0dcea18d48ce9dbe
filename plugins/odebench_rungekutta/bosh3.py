"""Bogacki and Shampine's 3(2) pair."""

from __future__ import annotations

from fractions import Fraction as F  # noqa: N817

from odebench.tableau import ExplicitRungeKutta

from .hermite import hermite

_B = (F(2, 9), F(1, 3), F(4, 9), 0)

BOSH3 = ExplicitRungeKutta(
    name="bosh3",
    order=3,
    c=(0, F(1, 2), F(3, 4), 1),
    a=(
        (),
        (F(1, 2),),
        (0, F(3, 4)),
        _B[:-1],
    ),
    b=_B,
    b_hat=(F(7, 24), F(1, 4), F(1, 3), F(1, 8)),
    dense=hermite(_B),  # of order 3 at every θ
    source="P. Bogacki and L. F. Shampine, Appl. Math. Lett. 2 (1989) 321–325; dense output: cubic Hermite",
)

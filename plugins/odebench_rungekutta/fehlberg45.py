"""Fehlberg's 4(5) pair, which carries the solution of order 4 on."""

from __future__ import annotations

from fractions import Fraction as F  # noqa: N817

from odebench.tableau import ExplicitRungeKutta

FEHLBERG45 = ExplicitRungeKutta(
    name="fehlberg45",
    order=4,
    c=(0, F(1, 4), F(3, 8), F(12, 13), 1, F(1, 2)),
    a=(
        (),
        (F(1, 4),),
        (F(3, 32), F(9, 32)),
        (F(1932, 2197), F(-7200, 2197), F(7296, 2197)),
        (F(439, 216), -8, F(3680, 513), F(-845, 4104)),
        (F(-8, 27), 2, F(-3544, 2565), F(1859, 4104), F(-11, 40)),
    ),
    b=(F(25, 216), 0, F(1408, 2565), F(2197, 4104), F(-1, 5), 0),
    b_hat=(F(16, 135), 0, F(6656, 12825), F(28561, 56430), F(-9, 50), F(2, 55)),
    b_hat_order=5,
    source="E. Fehlberg, NASA TR R-315 (1969), Table III; HNW II.5, Table 5.1",
)

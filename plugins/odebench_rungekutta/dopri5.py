"""Dormand and Prince's 5(4) pair."""

from __future__ import annotations

from fractions import Fraction as F  # noqa: N817

from odebench.tableau import ExplicitRungeKutta

from .hermite import hermite

_B = (F(35, 384), 0, F(500, 1113), F(125, 192), F(-2187, 6784), F(11, 84), 0)
_D = (
    F(-12715105075, 11282082432),
    0,
    F(87487479700, 32700410799),
    F(-10690763975, 1880347072),
    F(701980252875, 199316789632),
    F(-1453857185, 822651844),
    F(69997945, 29380423),
)

DOPRI5 = ExplicitRungeKutta(
    name="dopri5",
    order=5,
    c=(0, F(1, 5), F(3, 10), F(4, 5), F(8, 9), 1, 1),
    a=(
        (),
        (F(1, 5),),
        (F(3, 40), F(9, 40)),
        (F(44, 45), F(-56, 15), F(32, 9)),
        (F(19372, 6561), F(-25360, 2187), F(64448, 6561), F(-212, 729)),
        (F(9017, 3168), F(-355, 33), F(46732, 5247), F(49, 176), F(-5103, 18656)),
        _B[:-1],
    ),
    b=_B,
    b_hat=(F(5179, 57600), 0, F(7571, 16695), F(393, 640), F(-92097, 339200), F(187, 2100), F(1, 40)),
    dense=hermite(_B, _D),  # of order 4 at every θ
    source="J. R. Dormand and P. J. Prince, J. Comput. Appl. Math. 6 (1980) 19–26, Table 2; HNW II.5, "
    "Table 5.2; dense output: L. F. Shampine, Math. Comp. 46 (1986) 135–150, as in the DOPRI5 code of HNW",
)

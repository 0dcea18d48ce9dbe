"""Kennedy and Carpenter's 4(3) ESDIRK of six stages, the implicit half of ARK4(3)6L[2]SA.

L-stable and stiffly accurate, with an explicit first stage.
"""

from __future__ import annotations

from fractions import Fraction as F  # noqa: N817

from odebench.tableau import DiagonallyImplicitRungeKutta
from odebench_rungekutta.hermite import hermite

_G = F(1, 4)
_B = (F(82889, 524892), F(0), F(15625, 83664), F(69875, 102672), F(-2260, 8211), _G)

KENCARP4 = DiagonallyImplicitRungeKutta(
    name="kencarp4",
    order=4,
    c=(0, F(1, 2), F(83, 250), F(31, 50), F(17, 20), 1),
    a=(
        (0,),
        (_G, _G),
        (F(8611, 62500), F(-1743, 31250), _G),
        (F(5012029, 34652500), F(-654441, 2922500), F(174375, 388108), _G),
        (
            *(F(15267082809, 155376265600), F(-71443401, 120774400)),
            *(F(730878875, 902184768), F(2285395, 8070912), _G),
        ),
        _B,
    ),
    b=_B,
    b_hat=(
        *(F(4586570599, 29645900160), F(0), F(178811875, 945068544)),
        *(F(814220225, 1159782912), F(-3700637, 11593932), F(61727, 225920)),
    ),
    dense=hermite(_B),  # of order 3 at every θ
    source="C. A. Kennedy and M. H. Carpenter, Appl. Numer. Math. 44 (2003) 139–181",
)

"""Alexander's two-stage SDIRK: L-stable, stiffly accurate, order 2."""

from __future__ import annotations

from math import sqrt

from odebench.tableau import DiagonallyImplicitRungeKutta

_G = 1.0 - sqrt(0.5)

SDIRK2 = DiagonallyImplicitRungeKutta(
    name="sdirk2",
    order=2,
    c=(_G, 1.0),
    a=((_G,), (1.0 - _G, _G)),
    b=(1.0 - _G, _G),
    # The polynomial of degree 2 that starts at y_n and has the stages' slopes at c: of order 2 at every θ.
    dense=((1.0 / (1.0 - _G), -0.5 / (1.0 - _G)), (-_G / (1.0 - _G), 0.5 / (1.0 - _G))),
    source="R. Alexander, SIAM J. Numer. Anal. 14 (1977) 1006–1021; HW IV.6",
)

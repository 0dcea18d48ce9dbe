"""Step-size control, one set of formulas and constants for every framework's integrator.

Source: Hairer, Nørsett & Wanner, *Solving Ordinary Differential Equations I*, II.4, and their DOPRI5 code.
"""

from __future__ import annotations

SAFETY = 0.9
FACTOR_MIN = 0.2
FACTOR_MAX = 10.0
# A first error this small must not make the controller expect the next one to be as small (DOPRI5's FACOLD).
ERROR_FLOOR = 1e-4

DEFAULTS: dict[str, float | int] = {"rtol": 1e-7, "atol": 1e-9, "max_steps": 100_000, "min_step": 0.0}


def pi_exponents(error_order: int) -> tuple[float, float]:
    """Exponents (α, β) of ``h_new = h · SAFETY · err^-α · err_old^β`` for an estimate that is O(h^error_order).

    ``β = 0.2/k`` and ``α = 1/k - 0.75 β``; k = 5 gives DOPRI5's own β = 0.04 (HNW IV.2, eq. 2.43c).
    """
    beta = 0.2 / error_order
    return 1.0 / error_order - 0.75 * beta, beta

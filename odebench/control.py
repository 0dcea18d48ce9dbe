"""Step-size control, one set of formulas and constants for every framework's integrator.

Source: Hairer, Nørsett & Wanner, *Solving Ordinary Differential Equations I*, II.4, and their DOPRI5 code.
"""

from __future__ import annotations

from math import inf
from numbers import Integral
from typing import Any

SAFETY = 0.9
FACTOR_MIN = 0.2
FACTOR_MAX = 10.0
# A first error this small must not make the controller expect the next one to be as small (DOPRI5's FACOLD).
ERROR_FLOOR = 1e-4

DEFAULTS: dict[str, float | int] = {"rtol": 1e-7, "atol": 1e-9, "max_steps": 100_000, "min_step": 0.0}


def pi_exponents(error_order: int) -> tuple[float, float]:
    """Exponents (α, β) of ``h_new = h · SAFETY · err^-α · err_old^β`` for an estimate that is O(h^error_order).

    ``α = 1/k - 0.75 β`` as in DOPRI5 (Hairer & Wanner, *Solving Ordinary Differential Equations II*, IV.2, eq. 2.43c),
    but ``β = 0.1/k`` is half of DOPRI5's: k = 5 gives 0.02. A neural ODE's solve takes four to twenty steps, and 0.04
    costs it one at a given tolerance. The price is a larger error at that tolerance and more rejected steps: at equal
    error the evaluations are the same within an eighth (DETEST). DOP853, torchdiffeq and diffrax default to β = 0.
    """
    beta = 0.1 / error_order
    return 1.0 / error_order - 0.75 * beta, beta


def check_options(
    rtol: float,
    atol: float,
    step: float | None,
    num_steps: Any,
    max_steps: int,
    min_step: float,
    first_step: float | None = None,
) -> None:
    """Say what is wrong with options that make no sense, before a framework does so in its own words.

    Tolerances and step sizes that a compiled framework has not made numbers yet are let through.

    :raises ValueError: naming the option.
    """
    if step is not None and num_steps is not None:
        raise ValueError("give step or num_steps, not both")
    if num_steps is not None and (not isinstance(num_steps, Integral) or num_steps < 1):
        raise ValueError(f"num_steps must be a whole number of at least 1, got {num_steps!r}")
    if max_steps < 1:
        raise ValueError(f"max_steps must be at least 1, got {max_steps!r}")
    for name, value in {"step": step, "first_step": first_step}.items():
        if isinstance(value, int | float) and not 0 < value < inf:
            raise ValueError(f"{name} must be positive and finite, got {value!r}")
    for name, value in {"rtol": rtol, "atol": atol, "min_step": min_step}.items():
        if isinstance(value, int | float) and not 0 <= value < inf:
            raise ValueError(f"{name} must not be negative and must be finite, got {value!r}")
    if isinstance(rtol, int | float) and isinstance(atol, int | float) and rtol == atol == 0:
        raise ValueError("rtol and atol are both 0: no error is within that tolerance")

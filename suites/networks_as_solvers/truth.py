"""Where an ODE leads, by two codes that have nothing in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.integrate import solve_ivp

from .fields import Floats

_TOLERANCES = {"DOP853": 1e-12, "Radau": 1e-11}


def flow(f: Callable[[Floats], Floats], x: Floats, end: float) -> tuple[Floats, float]:
    """``(y, agreement)``: y(end) of y′ = f(y), y(0) = x (B, D), by Dormand and Prince's method of order 8; and how far,
    relative, Hairer and Wanner's Radau IIA is from it, which no error below means anything."""

    def on_vector(t: float, y: Floats) -> Floats:
        dy: Floats = f(y[None])[0]
        return dy

    def solve(method: str) -> Floats:
        options: Any = {"method": method, "rtol": _TOLERANCES[method], "atol": _TOLERANCES[method]}
        return np.stack([solve_ivp(on_vector, (0.0, end), row, **options).y[:, -1] for row in x])

    first, second = (solve(method) for method in _TOLERANCES)
    return first, relative(second, first)


def relative(value: Floats, reference: Floats) -> float:
    """‖value − reference‖ / ‖reference‖ in float64."""
    difference = np.asarray(value, np.float64) - np.asarray(reference, np.float64)
    return float(np.linalg.norm(difference) / np.linalg.norm(reference))


def ulps(value: Floats, reference: Floats) -> float:
    """The largest distance between two arrays of one type, in units in the last place of the reference's entries."""
    return float(np.max(np.abs(value - reference) / np.spacing(np.abs(reference))))

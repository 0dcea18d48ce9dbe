"""The trajectory that is learned: dy/dt = y³ A, a row times a matrix, from (2, 0)."""

from __future__ import annotations

from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

Floats = NDArray[np.float64]

A = np.array([[-0.1, 2.0], [-2.0, -0.1]])
START = np.array([2.0, 0.0])


def slope(t: float, y: Floats) -> Floats:
    dy: Floats = y**3 @ A
    return dy


@cache
def trajectory(points: int, end: float, method: Literal["DOP853", "Radau"] = "DOP853") -> Floats:
    """(points, 2) at equal distances on [0, end], both ends included, to 1e-10 or so; not to be written to."""
    ts = np.linspace(0.0, end, points)
    ys: Floats = solve_ivp(slope, (0.0, end), START, method, ts, rtol=1e-12, atol=1e-13).y.T
    ys.flags.writeable = False
    return ys

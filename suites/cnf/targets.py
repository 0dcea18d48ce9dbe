"""The four energies that flows are matched to, Rezende & Mohamed 2015 (arXiv:1505.05770), Table 1."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from odebench.contract import Array

Floats = NDArray[np.float64]

WINDOW = 4.0
"""Targets live on [−4, 4]²: U2, U3 and U4 go on for ever along z₁, and have no integral over the plane."""

WALL = 50.0
"""Of the confining energy, ``WALL · max(|zᵢ| − 4, 0)²`` on both axes: a half-width of 0.1 outside of the window."""

LOG_PARTITION = {"u1": 1.8775, "u2": 2.0821, "u3": 2.6417, "u4": 2.6846}
"""log ∫ exp(−U) over the window."""

TARGETS = tuple(LOG_PARTITION)


def energy(target: str, z: Array, xp: Any) -> Array:
    """U of z (N, 2): (N,). The density is exp(−U), up to its integral."""
    x, y = z[:, 0], z[:, 1]
    if target == "u1":
        ring = 0.5 * ((xp.sqrt(x**2 + y**2) - 2) / 0.4) ** 2
        return ring - xp.logaddexp(-0.5 * ((x - 2) / 0.6) ** 2, -0.5 * ((x + 2) / 0.6) ** 2)
    wave = y - xp.sin(math.pi / 2 * x)
    if target == "u2":
        return 0.5 * (wave / 0.4) ** 2
    if target == "u3":
        width, apart = 0.35, 3 * xp.exp(-0.5 * ((x - 1) / 0.6) ** 2)
    else:
        width, apart = 0.4, 1.5 * (1 + xp.tanh((x - 1) / 0.6))  # 3 σ((x − 1)/0.3)
    return -xp.logaddexp(-0.5 * (wave / width) ** 2, -0.5 * ((wave + apart) / 0.35) ** 2)


def walls(z: Array, xp: Any) -> Array:
    """The confining energy of z (N, 2): (N,); 0 in the window, and smooth once at its edge."""
    beyond = xp.abs(z) - WINDOW
    return WALL * xp.sum(beyond**2 * (beyond > 0), axis=1)


def grid(half: float, points: int) -> Floats:
    """The points (points², 2) of a regular grid on [−half, half]², the second coordinate running fastest."""
    axis = np.linspace(-half, half, points)
    return np.stack(np.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2)


def log_integral(log_density: Floats, half: float) -> float:
    """log of the integral over [−half, half]² by the trapezoidal rule, of the values on a square :func:`grid`."""
    points = math.isqrt(log_density.size)
    weights = np.ones(points)
    weights[[0, -1]] = 0.5
    largest = log_density.max()
    values = np.exp(log_density - largest).reshape(points, points)
    return float(largest + np.log(weights @ values @ weights) + 2 * np.log(2 * half / (points - 1)))


@cache
def walled_log_partition(target: str) -> float:
    """log ∫ exp(−U − walls) over the plane: what makes the loss a Kullback–Leibler divergence."""
    half, points = WINDOW + 1, 601
    z = grid(half, points)
    return log_integral(-energy(target, z, np) - walls(z, np), half)

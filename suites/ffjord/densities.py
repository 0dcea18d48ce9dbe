"""The eight toy densities of FFJORD (Grathwohl et al. 2019, Figure 2), with the constants of its public code."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Generator = np.random.Generator


def swissroll(rng: Generator, n: int) -> Points:
    """Columns 0 and 2 of the three-dimensional roll with noise 1, a fifth its size."""
    angle = 1.5 * np.pi * (1 + 2 * rng.uniform(size=n))
    return (_polar(angle, angle) + rng.standard_normal((n, 2))) / 5


def circles(rng: Generator, n: int) -> Points:
    """Radii 1 and 0.5, noise 0.08, times 3."""
    radius = np.where(rng.uniform(size=n) < 0.5, 1.0, 0.5)
    return 3 * (_polar(radius, rng.uniform(0, 2 * np.pi, n)) + 0.08 * rng.standard_normal((n, 2)))


def rings(rng: Generator, n: int) -> Points:
    """Radii 0.75, 1.5, 2.25 and 3, noise 0.08."""
    radius = 0.75 * rng.integers(1, 5, n).astype(np.float64)
    return _polar(radius, rng.uniform(0, 2 * np.pi, n)) + 0.08 * rng.standard_normal((n, 2))


def moons(rng: Generator, n: int) -> Points:
    """Two half circles with noise 0.1, times 2, moved by (−1, −0.2)."""
    upper, angle = rng.uniform(size=n) < 0.5, rng.uniform(0, np.pi, n)
    arc = _polar(np.ones(n), angle)
    points = np.where(upper[:, None], arc, [1.0, 0.5] - arc) + 0.1 * rng.standard_normal((n, 2))
    return 2 * points + [-1.0, -0.2]


def eight_gaussians(rng: Generator, n: int) -> Points:
    """Radius 4, standard deviation 0.5, both over 1.414."""
    centres = _polar(np.full(n, 4.0), np.pi / 4 * rng.integers(0, 8, n))
    return (centres + 0.5 * rng.standard_normal((n, 2))) / 1.414


def pinwheel(rng: Generator, n: int) -> Points:
    """Five arms: radially 1 ± 0.3, across ± 0.1, turned by 0.25 exp(radius), times 2."""
    arm = rng.integers(0, 5, n)
    x = rng.standard_normal((n, 2)) * [0.3, 0.1] + [1.0, 0.0]
    angle = 2 * np.pi / 5 * arm + 0.25 * np.exp(x[:, 0])
    cos, sin = np.cos(angle), np.sin(angle)
    return 2 * np.stack([x[:, 0] * cos + x[:, 1] * sin, -x[:, 0] * sin + x[:, 1] * cos], axis=1)


def two_spirals(rng: Generator, n: int) -> Points:
    """Two arms that are each other's reflection: √u · 3π radians, blurred by U(0, 0.5), over 3, noise 0.1."""
    angle = 3 * np.pi * np.sqrt(rng.uniform(size=n))
    arm = np.stack([-np.cos(angle) * angle, np.sin(angle) * angle], axis=1) + 0.5 * rng.uniform(size=(n, 2))
    sign = np.where(rng.uniform(size=n) < 0.5, 1.0, -1.0)
    return sign[:, None] * arm / 3 + 0.1 * rng.standard_normal((n, 2))


def checkerboard(rng: Generator, n: int) -> Points:
    """Every second one of 4 × 4 squares, times 2, which span ±4."""
    x = rng.uniform(-2, 2, n)
    row = rng.uniform(size=n) - 2 * rng.integers(0, 2, n)
    return 2 * np.stack([x, row + np.floor(x) % 2], axis=1)


DENSITIES: dict[str, Callable[[Generator, int], Points]] = {
    "swissroll": swissroll,
    "circles": circles,
    "rings": rings,
    "moons": moons,
    "8gaussians": eight_gaussians,
    "pinwheel": pinwheel,
    "2spirals": two_spirals,
    "checkerboard": checkerboard,
}
"""Samplers ``(rng, n) -> (n, 2)`` by the names that the paper's code gives them."""


def _polar(radius: NDArray[np.floating], angle: NDArray[np.floating]) -> Points:
    points: Points = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return points

"""Two-dimensional spirals that are seen at irregular times, as in §5.1 of Chen et al. 2018."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from odebench.tasks.nets import Floats

SEEN, BEYOND = 100, 100
"""Grid points that observations are drawn from, and those beyond them."""

ANGLES = np.linspace(0.0, 6 * np.pi, 500)
STEP = float(ANGLES[1])
GRID = STEP * np.arange(SEEN + BEYOND)
"""The common times, (200,); every series begins at 0."""

GROWTH = 0.3
NOISE = 0.3
FIRST_START, LAST_START = 100, 250
"""Of the 500 angles. The public code's last start of 399 leaves no 200 points, and comes near the clockwise formula's
singularity at θ = 6π + 1; from 250 on, a clockwise spiral stays within a radius of 5.2, a counter-clockwise one within
5.1."""


class Spirals(NamedTuple):
    """Series on the common grid.

    :param clean: (N, 200, 2).
    :param noisy: the same with Gaussian noise.
    :param clockwise: (N,), bool.
    :param seen: (N, n), ascending indices into the first 100 times.
    :param starts: (N,), the index of the first of the 500 angles.
    """

    clean: Floats
    noisy: Floats
    clockwise: NDArray[np.bool_]
    seen: NDArray[np.int64]
    starts: NDArray[np.int64]

    def take(self, rows: NDArray[np.int64]) -> Spirals:
        return Spirals(self.clean[rows], self.noisy[rows], self.clockwise[rows], self.seen[rows], self.starts[rows])

    @property
    def observed(self) -> Floats:
        """(N, n, 2)."""
        return np.take_along_axis(self.noisy, self.seen[..., None], axis=1)


def draw(rng: np.random.Generator, count: int, points: int) -> Spirals:
    """Spirals of a random direction and start, with ``points`` of the first 100 seen, drawn without replacement."""
    clockwise = rng.random(count) < 0.5
    starts = rng.integers(FIRST_START, LAST_START + 1, count)
    theta = ANGLES[starts[:, None] + np.arange(SEEN + BEYOND)]
    clean = np.where(clockwise[:, None, None], clockwise_spiral(theta), counter_spiral(theta))
    noisy = clean + NOISE * rng.standard_normal(clean.shape)
    seen = np.sort(np.argsort(rng.random((count, SEEN)), axis=1)[:, :points], axis=1)
    return Spirals(clean, noisy, clockwise, seen, starts)


def clockwise_spiral(theta: Floats) -> Floats:
    """The public code's formula: r = 50 b / φ with φ = 6π + 1 - θ, about (-5, 0). (…,) → (…, 2)."""
    phi = 6 * np.pi + 1 - theta
    r = 50 * GROWTH / phi
    return np.stack([r * np.cos(phi) - 5, r * np.sin(phi)], axis=-1)


def counter_spiral(theta: Floats) -> Floats:
    """Likewise r = b θ, about (5, 0)."""
    r = GROWTH * theta
    return np.stack([r * np.cos(theta) + 5, r * np.sin(theta)], axis=-1)

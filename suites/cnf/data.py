"""Two Moons and Two Circles by the formulas of scikit-learn's generators, and what is known of their laws."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def _moons(angle: Floats) -> tuple[Floats, Floats]:
    outer = np.stack([np.cos(angle), np.sin(angle)], -1)
    return outer, np.stack([1 - np.cos(angle), 0.5 - np.sin(angle)], -1)


def _circles(angle: Floats) -> tuple[Floats, Floats]:
    outer = np.stack([np.cos(angle), np.sin(angle)], -1)
    return outer, 0.5 * outer


class Source(NamedTuple):
    """Two curves with noise around them.

    :param curves: the points (N, 2) of both at angles (N,).
    :param turn: the angle that a curve spans.
    :param closed: whether its end is its beginning.
    :param noise: the standard deviation.
    :param half: half the width of a window around 0 with everything in it.
    """

    curves: Callable[[Floats], tuple[Floats, Floats]]
    turn: float
    closed: bool
    noise: float
    half: float

    def draw(self, count: int, rng: np.random.Generator) -> Floats:
        """(count, 2): each curve's points equally spaced, one more of the second where count is odd, shuffled."""
        sizes = count // 2, count - count // 2
        pairs = [self.curves(np.linspace(0, self.turn, size, endpoint=not self.closed)) for size in sizes]
        points = rng.permutation(np.concatenate([pairs[0][0], pairs[1][1]]))
        return points + self.noise * rng.standard_normal(points.shape)

    def log_density(self, x: Floats) -> Floats:
        """(N,) of x (N, 2): of the law in which the angle is uniform, by the midpoint rule with 500 angles."""
        angles = (np.arange(500) + 0.5) / 500 * self.turn
        centres = np.concatenate(self.curves(angles))
        squares = ((x[:, None, :] - centres) ** 2).sum(-1) / self.noise**2
        least = squares.min(1)
        mean = np.exp(-0.5 * (squares - least[:, None])).mean(1)
        found: Floats = np.log(mean) - 0.5 * least - np.log(2 * np.pi * self.noise**2)
        return found


MOONS = Source(_moons, np.pi, closed=False, noise=0.1, half=3.0)
CIRCLES = Source(_circles, 2 * np.pi, closed=True, noise=0.06, half=2.0)


def gaussian_nll(train: Floats, test: Floats) -> float:
    """Mean negative log-likelihood, in nats, of test (N, 2) under the Gaussian that fits train best."""
    mean, covariance = train.mean(0), np.cov(train.T)
    apart = test - mean
    squares = np.einsum("ni,ij,nj->n", apart, np.linalg.inv(covariance), apart)
    return float(0.5 * squares.mean() + 0.5 * np.linalg.slogdet(2 * np.pi * covariance)[1])

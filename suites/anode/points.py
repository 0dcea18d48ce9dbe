"""The paper's point sets, in NumPy."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

WEDGE = np.pi / 5
INNER, OUTER = (0.0, 0.5), (1.0, 1.5)
"""Radii of the ball that is sent to -1, and of the shell that is sent to +1."""


class Points(NamedTuple):
    """x (N, d) and its target y (N, 1)."""

    x: Floats
    y: Floats

    def where(self, chosen: NDArray[Any]) -> Points:
        """Those of a mask, or of a list of rows."""
        return Points(self.x[chosen], self.y[chosen])


class Sets(NamedTuple):
    """:param tests: the prefix of its metrics → points that are held out.
    :param grid: points of which the pictures tell what is said.
    :param followed: points whose way is kept for the pictures.
    """

    train: Points
    tests: dict[str, Points]
    grid: Points
    followed: Points


def pair(count: int, sign: int) -> Points:
    """``count`` points on the line at -1 and +1 by turns, with the target sign · x."""
    x = np.where(np.arange(count) % 2, 1.0, -1.0)[:, None]
    return Points(x, sign * x)


def line(sign: int) -> Points:
    """33 points from -1 to +1."""
    x = np.linspace(-1, 1, 33)[:, None]
    return Points(x, sign * x)


def across(d: int) -> Points:
    """A square grid across the plane of the first two axes, without targets; on the line, a side of it."""
    side = np.linspace(-1.6, 1.6, 24)
    plane = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2) if d > 1 else side[:, None]
    x = np.concatenate([plane, np.zeros((len(plane), max(d - 2, 0)))], axis=1)
    return Points(x, np.zeros((len(x), 1)))


def spheres(rng: np.random.Generator, d: int, count: int) -> Points:
    """A third of the points in the ball, two thirds in the shell around it, in d dimensions.

    The direction is uniform; the radius (hi - lo) u^(1/d) + lo, as in the authors' code, which is uniform in the ball
    but not in the shell.
    """
    inner = np.arange(count) % 3 == 0
    lo, hi = np.where(inner[:, None], INNER, OUTER).T
    radius = (hi - lo) * rng.uniform(size=count) ** (1 / d) + lo
    direction = rng.standard_normal((count, d))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    return Points(radius[:, None] * direction, np.where(inner, -1.0, 1.0)[:, None])


def annuli_without_wedge(rng: np.random.Generator, outside: int, inside: int) -> tuple[Points, Points]:
    """In the plane: points outside the wedge, as many as are asked for, and points inside it."""
    drawn = spheres(rng, 2, 2 * outside + 20 * inside)
    wedge = in_wedge(drawn)
    return drawn.where(np.flatnonzero(~wedge)[:outside]), drawn.where(np.flatnonzero(wedge)[:inside])


def in_wedge(points: Points) -> NDArray[np.bool_]:
    """Whether the angle of a point of the plane is in [0, π/5]."""
    angle = np.arctan2(points.x[:, 1], points.x[:, 0])
    return np.asarray((angle >= 0) & (angle <= WEDGE))

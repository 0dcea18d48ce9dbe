"""DETEST class D: orbits of eccentricity 0.1, 0.3, 0.5, 0.7 and 0.9."""

from __future__ import annotations

import math
from typing import Any

from .detest_a import SOURCE, TIMES
from .problem import Array, Params, Problem


def _orbit(t: Array, y: Array, p: Params, xp: Any) -> Array:
    x, z, u, v = y[..., 0], y[..., 1], y[..., 2], y[..., 3]
    square = x * x + z * z
    pull = -p["gravity"] / (square * xp.sqrt(square))
    return xp.stack([u, v, pull * x, pull * z], axis=-1)


PROBLEMS = tuple(
    Problem(
        name=f"d{i + 1}",
        f=_orbit,
        y0=(1 - e, 0.0, 0.0, math.sqrt((1 + e) / (1 - e))),
        ts=TIMES,
        params={"gravity": 1.0},
        source=SOURCE,
    )
    for i, e in enumerate((0.1, 0.3, 0.5, 0.7, 0.9))
)

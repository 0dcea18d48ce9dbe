"""The small problems of the articles that the project starts from."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .problem import Array, Params, Problem


def _pendulum(t: Array, y: Array, p: Params, xp: Any) -> Array:
    angle, speed = y[..., 0], y[..., 1]
    return xp.stack([speed, -p["b"] * speed - p["c"] * xp.sin(angle)], axis=-1)


def _euler(t: Array, y: Array, p: Params, xp: Any) -> Array:
    return p["a"][..., None] * y + p["b"][..., None]


def _euler_closed(ts: Array, y0: Array, p: Params) -> Array:
    a, rest = p["a"][..., None], (p["b"] / p["a"])[..., None]
    return ((y0 + rest) * np.exp(a * (ts - ts[..., :1])) - rest)[..., None]


def _spiral(t: Array, y: Array, p: Params, xp: Any) -> Array:
    """The row vector y³ times a matrix."""
    return xp.sum((y**3)[..., :, None] * p["matrix"], axis=-2)


PROBLEMS = (
    Problem(
        name="pendulum",
        f=_pendulum,
        y0=(math.pi - 0.1, 0.0),
        ts=(0.0, 2.5, 5.0, 7.5, 10.0),
        params={"b": 0.25, "c": 5.0},
        source="the example of scipy.integrate.odeint",
    ),
    Problem(
        name="euler",
        f=_euler,
        y0=(1.0,),
        ts=(0.0, 1.0, 2.0, 3.0),
        params={"a": 5.0, "b": -3.0},
        source="a worked example: three steps of length 1 give 1, 3, 15, 87",
        closed=_euler_closed,
        scale=2.0**20,
    ),
    Problem(
        name="spiral",
        f=_spiral,
        y0=(2.0, 0.0),
        ts=(0.0, 6.25, 12.5, 18.75, 25.0),
        params={"matrix": ((-0.1, 2.0), (-2.0, -0.1))},
        source="Chen et al. (2018), Neural Ordinary Differential Equations, the demonstration",
    ),
)

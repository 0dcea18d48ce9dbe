"""DETEST class E: higher-order equations."""

from __future__ import annotations

from typing import Any

import numpy as np

from .detest_a import SOURCE, TIMES
from .problem import Array, Params, Problem


def _bessel(t: Array, y: Array, p: Params, xp: Any) -> Array:
    x, v = y[..., 0], y[..., 1]
    return xp.stack([v, -v / (t + 1) - (1 - p["order_squared"] / (t + 1) ** 2) * x], axis=-1)


def van_der_pol(t: Array, y: Array, p: Params, xp: Any) -> Array:
    x, v = y[..., 0], y[..., 1]
    return xp.stack([v, p["mu"] * (1 - x * x) * v - x], axis=-1)


def _duffing(t: Array, y: Array, p: Params, xp: Any) -> Array:
    x, v = y[..., 0], y[..., 1]
    return xp.stack([v, x**3 / 6 - x + p["amplitude"] * xp.sin(p["frequency"] * t)], axis=-1)


def _falling_body(t: Array, y: Array, p: Params, xp: Any) -> Array:
    v = y[..., 1]
    return xp.stack([v, p["thrust"] - p["drag"] * v * v], axis=-1)


def _falling_body_closed(ts: Array, y0: Array, p: Params) -> Array:
    drag = p["drag"][..., None]
    limit = np.sqrt(p["thrust"][..., None] / drag)
    start = np.arctanh(y0[..., 1:] / limit)
    phase = start + drag * limit * (ts - ts[..., :1])
    x = y0[..., :1] + np.log(np.cosh(phase) / np.cosh(start)) / drag
    return np.stack([x, limit * np.tanh(phase)], axis=-1)


def _pursuit(t: Array, y: Array, p: Params, xp: Any) -> Array:
    v = y[..., 1]
    return xp.stack([v, xp.sqrt(1 + v * v) / (p["distance"] - t)], axis=-1)


def _pursuit_closed(ts: Array, y0: Array, p: Params) -> Array:
    """The slope is a hyperbolic sine of the logarithm of the distance that is left."""
    left = p["distance"][..., None] - ts
    first = left[..., :1]
    rise = y0[..., 1:] + np.sqrt(1 + y0[..., 1:] ** 2)
    v = (rise * first / left - left / first / rise) / 2
    x = y0[..., :1] + (rise * first * np.log(first / left) - (first - left * left / first) / rise / 2) / 2
    return np.stack([x, v], axis=-1)


PROBLEMS = (
    Problem(
        "e1",
        _bessel,
        (0.67139670714180309042, 0.09540051444747445),  # √(2/π) sin 1, and its derivative
        TIMES,
        {"order_squared": 0.25},
        SOURCE,
    ),
    Problem("e2", van_der_pol, (2.0, 0.0), TIMES, {"mu": 1.0}, SOURCE),
    Problem(
        "e3",
        _duffing,
        (0.0, 0.0),
        TIMES,
        {"amplitude": 2.0, "frequency": 2.78535},
        SOURCE,
    ),
    Problem(
        "e4",
        _falling_body,
        (30.0, 0.0),
        TIMES,
        {"thrust": 0.032, "drag": 0.4},
        SOURCE,
        _falling_body_closed,
        scale=(32.0, 0.25),
    ),
    Problem("e5", _pursuit, (0.0, 0.0), TIMES, {"distance": 25.0}, SOURCE, _pursuit_closed),
)

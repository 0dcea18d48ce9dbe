"""DETEST class A: single equations."""

from __future__ import annotations

from typing import Any

import numpy as np

from .problem import Array, Params, Problem

SOURCE = "Hull, Enright, Fellen & Sedgwick (1972), SIAM J. Numer. Anal. 9(4), 603-637"
TIMES = (0.0, 5.0, 10.0, 15.0, 20.0)


def decay(t: Array, y: Array, p: Params, xp: Any) -> Array:
    return -p["rate"][..., None] * y


def decay_closed(ts: Array, y0: Array, p: Params) -> Array:
    return y0[..., None, :] * np.exp(-p["rate"][..., None] * (ts - ts[..., :1]))[..., None]


def _cubic(t: Array, y: Array, p: Params, xp: Any) -> Array:
    return -p["rate"][..., None] * y**3


def _cubic_closed(ts: Array, y0: Array, p: Params) -> Array:
    y0 = y0[..., None, :]
    return y0 / np.sqrt(1 + 2 * p["rate"][..., None, None] * y0 * y0 * (ts - ts[..., :1])[..., None])


def _oscillation(t: Array, y: Array, p: Params, xp: Any) -> Array:
    return (p["rate"] * xp.cos(t))[..., None] * y


def _oscillation_closed(ts: Array, y0: Array, p: Params) -> Array:
    return y0[..., None, :] * np.exp(p["rate"][..., None] * (np.sin(ts) - np.sin(ts[..., :1])))[..., None]


def _logistic(t: Array, y: Array, p: Params, xp: Any) -> Array:
    return p["rate"][..., None] * y * (1 - y / p["capacity"][..., None])


def _logistic_closed(ts: Array, y0: Array, p: Params) -> Array:
    y0, capacity = y0[..., None, :], p["capacity"][..., None, None]
    left = np.exp(-p["rate"][..., None] * (ts - ts[..., :1]))[..., None]
    return capacity * y0 / (y0 + (capacity - y0) * left)


def _swirl(t: Array, y: Array, p: Params, xp: Any) -> Array:
    return (y - (p["slope"] * t)[..., None]) / (y + t[..., None])


PROBLEMS = (
    Problem("a1", decay, (1.0,), TIMES, {"rate": 1.0}, SOURCE, decay_closed),
    Problem("a2", _cubic, (1.0,), TIMES, {"rate": 0.5}, SOURCE, _cubic_closed),
    Problem("a3", _oscillation, (1.0,), TIMES, {"rate": 1.0}, SOURCE, _oscillation_closed),
    Problem(
        "a4",
        _logistic,
        (1.0,),
        TIMES,
        {"rate": 0.25, "capacity": 20.0},
        SOURCE,
        _logistic_closed,
        scale=8.0,
    ),
    Problem("a5", _swirl, (4.0,), TIMES, {"slope": 1.0}, SOURCE),
)

"""DETEST class B: small systems."""

from __future__ import annotations

from typing import Any

import numpy as np

from .detest_a import SOURCE, TIMES
from .problem import Array, Params, Problem


def _predator_prey(t: Array, y: Array, p: Params, xp: Any) -> Array:
    prey, predator = y[..., 0], y[..., 1]
    return xp.stack(
        [p["growth"] * (prey - prey * predator), -p["death"] * (predator - prey * predator)],
        axis=-1,
    )


def _exchange(t: Array, y: Array, p: Params, xp: Any) -> Array:
    """A linear chemical reaction."""
    a, b, c = y[..., 0], y[..., 1], y[..., 2]
    return p["rate"][..., None] * xp.stack([b - a, a - 2 * b + c, b - c], axis=-1)


def _exchange_closed(ts: Array, y0: Array, p: Params) -> Array:
    """By its eigenvectors (1, 1, 1), (1, 0, -1) and (1, -2, 1), of eigenvalues 0, -1 and -3."""
    decay = np.exp(-p["rate"][..., None] * (ts - ts[..., :1]))[..., None]
    modes = (([1, 1, 1], 1), ([1, 0, -1], decay), ([1, -2, 1], decay**3))
    return sum(
        ((y0 @ np.asarray(v)) / np.dot(v, v))[..., None, None] * np.asarray(v) * factor + 0 * ts[..., None]
        for v, factor in modes
    )


def _reaction(t: Array, y: Array, p: Params, xp: Any) -> Array:
    first, second = p["k1"] * y[..., 0], p["k2"] * y[..., 1] ** 2
    return xp.stack([-first, first - second, second], axis=-1)


def _torus(t: Array, y: Array, p: Params, xp: Any) -> Array:
    a, b, c = y[..., 0], y[..., 1], y[..., 2]
    r = xp.sqrt(a * a + b * b)
    c = p["coupling"] * c
    return xp.stack([-b - a * c / r, a - b * c / r, a / r], axis=-1)


def _rigid_body(t: Array, y: Array, p: Params, xp: Any) -> Array:
    a, b, c = y[..., 0], y[..., 1], y[..., 2]
    return xp.stack([b * c, -a * c, -p["inertia"] * a * b], axis=-1)


PROBLEMS = (
    Problem(
        "b1",
        _predator_prey,
        (1.0, 3.0),
        TIMES,
        {"growth": 2.0, "death": 1.0},
        SOURCE,
    ),
    Problem(
        "b2",
        _exchange,
        (2.0, 0.0, 1.0),
        TIMES,
        {"rate": 1.0},
        SOURCE,
        _exchange_closed,
    ),
    Problem(
        "b3",
        _reaction,
        (1.0, 0.0, 0.0),
        TIMES,
        {"k1": 1.0, "k2": 1.0},
        SOURCE,
    ),
    Problem("b4", _torus, (3.0, 0.0, 0.0), TIMES, {"coupling": 1.0}, SOURCE),
    Problem("b5", _rigid_body, (0.0, 1.0, 1.0), TIMES, {"inertia": 0.51}, SOURCE),
)

"""The fields, one definition for every framework: ``f(t, y, p, xp)`` with the Array API's functions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = Any
Params = dict[str, Array]
Floats = NDArray[np.float64]


def neural(t: Array, y: Array, p: Params, xp: Any) -> Array:
    """A perceptron with one hidden layer, moved by t: y (B, D), ``w`` (D, H), ``b`` (H,), ``v`` (H, D)."""
    return xp.tanh(y @ p["w"] + (1 + t) * p["b"]) @ p["v"]


def spiral(t: Array, y: Array, p: Params, xp: Any) -> Array:
    """y³ A, as in the demo of Chen et al. 2018: y (B, 2), ``a`` (2, 2)."""
    return y**3 @ p["a"]


def vanderpol(t: Array, y: Array, p: Params, xp: Any) -> Array:
    """y (2,), ``mu`` (): attracted by a cycle, so repelled from it in reverse time."""
    return xp.stack([y[1], p["mu"] * (1 - y[0] ** 2) * y[1] - y[0]])


def wall(t: Array, y: Array, p: Params, xp: Any) -> Array:
    """-k (1 - t)^{3/2} y: not a number for t > 1."""
    return -p["k"] * (1 - t) ** 1.5 * y


def neural_parameters(rng: np.random.Generator, state: int, hidden: int) -> dict[str, Floats]:
    """Weights of variance 1/fan-in, so that the field is of order 1 whatever its size."""
    return {
        "w": rng.standard_normal((state, hidden)) / np.sqrt(state),
        "b": 0.5 * rng.standard_normal(hidden),
        "v": rng.standard_normal((hidden, state)) / np.sqrt(hidden),
    }

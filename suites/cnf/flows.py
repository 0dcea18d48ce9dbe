"""What a flow is to the tasks, and how many points are carried through it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from odebench.contract import Array, OdeInt, PyTree

from .targets import grid, log_integral

Floats = NDArray[np.float64]
Predict = Callable[[PyTree], Any]

CHUNK = 4096
"""Points that are carried at a time when a flow is evaluated, so that there is one shape to compile."""

WIDE, FINE = 6.0, 193
"""The grid on which a density's mass is summed: [−6, 6]², 1/16 from point to point."""


class Flow(Protocol):
    """A change of variables: the base is at 0 of its span, the data or the target at 1."""

    size: int

    def parameters(self, rng: np.random.Generator) -> dict[str, Any]: ...

    def batch(self, z: Any, start: float, stop: float) -> dict[str, Any]: ...

    def transport(self, params: dict[str, Array], batch: PyTree, odeint: OdeInt) -> tuple[Array, Array]: ...


def gaussian_log_density(z: Array, variance: float, xp: Any) -> Array:
    """(N,) of z (N, 2) under N(0, variance · I)."""
    return -0.5 * xp.sum(z**2, axis=1) / variance - math.log(2 * math.pi * variance)


def carry(flow: Flow, predict: Predict, z: Floats, start: float, stop: float) -> tuple[Floats, Floats]:
    """Points (N, 2) through a part of the flow's span, and their changes of log-density (N,), chunk by chunk.

    ``predict`` returns both side by side, (N, 3); the last chunk is filled up with zeros, which are dropped.
    """
    padded = np.concatenate([z, np.zeros((-len(z) % CHUNK, 2))])
    chunks = np.split(padded, len(padded) // CHUNK)
    found = np.concatenate([predict(flow.batch(chunk, start, stop)) for chunk in chunks])[: len(z)]
    return found[:, :2].astype(np.float64), found[:, 2].astype(np.float64)


def log_density(flow: Flow, predict: Predict, x: Floats, variance: float, at: float = 1.0) -> Floats:
    """(N,) of x (N, 2), where they are at a part of the flow's span: the points are carried to the base."""
    z, change = carry(flow, predict, x, at, 0.0)
    found: Floats = gaussian_log_density(z, variance, np) - change
    return found


def mass_error(flow: Flow, predict: Predict, variance: float, half: float = WIDE, points: int = FINE) -> float:
    """|∫p − 1| of the flow's density, by the trapezoidal rule on a grid, the wide one when left out."""
    return abs(math.expm1(log_integral(log_density(flow, predict, grid(half, points), variance), half)))


def inverse_error(flow: Flow, predict: Predict, z: Floats, start: float, stop: float) -> float:
    """‖ẑ − z‖ / ‖z‖ where ẑ are the points carried there and back: of order 1 no flow has been followed."""
    back, _ = carry(flow, predict, carry(flow, predict, z, start, stop)[0], stop, start)
    return float(np.linalg.norm(back - z) / np.linalg.norm(z))

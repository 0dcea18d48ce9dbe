"""A ball that falls, and loses a part of its speed whenever it hits the ground."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from odebench.contract import Array, EventOdeInt

RADIUS = 0.2
GRAVITY = 9.8
START = np.array([10.0, 0.0])
"""Height of the centre, and upward velocity."""
ABSORPTION = 0.2
"""The part of the speed that an impact takes."""


def fall(xp: Any) -> Any:
    """f of y = (height, velocity)."""
    return lambda t, y, p: xp.stack([y[1], -p["gravity"]])


def clearance(t: Array, y: Array, p: dict[str, Array]) -> Array:
    return y[0] - RADIUS


def bounce(
    xp: Any, odeint: EventOdeInt, y0: Array, gravity: Array, absorption: Array, flights: Array, scan: Any
) -> tuple[Array, Array]:
    """Let go at time 0: the times of as many impacts as ``flights`` has entries (K,), and the states after them (K, 2).

    Each flight is followed for at least twice as long as it can last.

    :param scan: the namespace's, where a compiled flight serves for all; or :func:`in_turn`, where each is compiled,
        and what its solver says of itself can be told.
    """

    def flight(carry: tuple[Array, Array], _: Array) -> tuple[tuple[Array, Array], Array]:
        t, y = carry
        long = xp.stop_gradient(4 * (xp.abs(y[1]) + xp.sqrt(gravity * xp.abs(y[0]))) / gravity)
        t, y = odeint.event(fall(xp), y, xp.stack([t, t + long]), {"gravity": gravity}, event=clearance, direction=-1)
        y = xp.stack([y[0], -(1 - absorption) * y[1]])
        return (t, y), xp.concat([xp.stack([t]), y])

    _, found = scan(flight, (xp.zeros_like(gravity), y0), flights)
    return found[:, 0], found[:, 1:]


def in_turn(xp: Any) -> Any:
    """A scan that is no loop of the framework's."""

    def scan(step: Any, carry: Any, xs: Array) -> tuple[Any, Array]:
        found = []
        for i in range(xs.shape[0]):
            carry, y = step(carry, xs[i])
            found.append(y)
        return carry, xp.stack(found)

    return scan


def impacts(y0: Array, gravity: Any, absorption: Any, count: int) -> tuple[list[Any], list[Any]]:
    """The same in closed form, for real and complex numbers of any precision: times, and speeds upward after them."""
    height, velocity = y0[0], y0[1]
    speed = np.sqrt(velocity**2 + 2 * gravity * (height - RADIUS))
    times, speeds = [(velocity + speed) / gravity], [(1 - absorption) * speed]
    for _ in range(count - 1):
        times.append(times[-1] + 2 * speeds[-1] / gravity)
        speeds.append((1 - absorption) * speeds[-1])
    return times, speeds


def heights(ts: NDArray[np.float64], count: int = 40) -> NDArray[np.float64]:
    """Of the true ball at times (T,) before its last of ``count`` impacts."""
    times, speeds = impacts(START, GRAVITY, ABSORPTION, count)
    last = np.searchsorted(times, ts, side="right")
    began = np.array([0.0, *times])[last]
    low, up = np.array([START[0], *[RADIUS] * count])[last], np.array([START[1], *speeds])[last]
    since = ts - began
    found: NDArray[np.float64] = low + up * since - 0.5 * GRAVITY * since**2
    return found

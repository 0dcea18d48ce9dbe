"""Problems of the field that are not stiff."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .detest_a import decay, decay_closed
from .detest_e import van_der_pol
from .problem import Array, Params, Problem

HNW = "Hairer, Nørsett & Wanner, Solving Ordinary Differential Equations I"


def _linear(t: Array, y: Array, p: Params, xp: Any) -> Array:
    return xp.sum(p["matrix"] * y[..., None, :], axis=-1)


def _sine(t: Array, y: Array, p: Params, xp: Any) -> Array:
    force = p["amplitude"] * t**4 * xp.sin(2 * t) - t**2 + 4 * t**3
    return 2 * y / t[..., None] + force[..., None]


def _sine_closed(ts: Array, y0: Array, p: Params) -> Array:
    amplitude = p["amplitude"][..., None]
    forced = amplitude * (np.sin(2 * ts) * ts - np.cos(2 * ts) * (ts * ts - 0.5)) / 2 - ts + 2 * ts * ts
    return (ts * ts * (y0 / ts[..., :1] ** 2 + forced - forced[..., :1]))[..., None]


def _growth(t: Array, y: Array, p: Params, xp: Any) -> Array:
    return -decay(t, y, p, xp)


def _growth_closed(ts: Array, y0: Array, p: Params) -> Array:
    return decay_closed(ts, y0, {"rate": -p["rate"]})


def _constant(t: Array, y: Array, p: Params, xp: Any) -> Array:
    """A constant slope, and a fifth power of the distance from the line that makes it hard to keep to."""
    return p["slope"][..., None] + (y - (p["slope"] * t + p["offset"])[..., None]) ** 5


def _constant_closed(ts: Array, y0: Array, p: Params) -> Array:
    slope, elapsed = p["slope"][..., None], ts - ts[..., :1]
    off = y0 - (slope * ts[..., :1] + p["offset"][..., None])
    off = off / np.sqrt(np.sqrt(1 - 4 * off**4 * elapsed))
    return (slope * ts + p["offset"][..., None] + off)[..., None]


def _lotka_volterra(t: Array, y: Array, p: Params, xp: Any) -> Array:
    prey, predator = y[..., 0], y[..., 1]
    meetings = prey * predator
    return xp.stack([p["a"] * prey - p["b"] * meetings, -p["c"] * predator + p["d"] * meetings], axis=-1)


def _arenstorf(t: Array, y: Array, p: Params, xp: Any) -> Array:
    """A satellite of earth and moon, in the frame that turns with them (HNW II.0, eq. 0.1)."""
    x, z, u, v = y[..., 0], y[..., 1], y[..., 2], y[..., 3]
    moon = p["moon"]
    earth = 1 - moon
    to_earth, to_moon = (x + moon) ** 2 + z * z, (x - earth) ** 2 + z * z
    from_earth, from_moon = earth / (to_earth * xp.sqrt(to_earth)), moon / (to_moon * xp.sqrt(to_moon))
    return xp.stack(
        [
            u,
            v,
            x + 2 * v - from_earth * (x + moon) - from_moon * (x - earth),
            z - 2 * u - (from_earth + from_moon) * z,
        ],
        axis=-1,
    )


def _lorenz(t: Array, y: Array, p: Params, xp: Any) -> Array:
    x, z, w = y[..., 0], y[..., 1], y[..., 2]
    return xp.stack([p["sigma"] * (z - x), x * (p["rho"] - w) - z, x * z - p["beta"] * w], axis=-1)


def _antisymmetric(n: int) -> list[list[float]]:
    """A fixed matrix without a pattern, of multiples of 1/32."""
    return [[((3 * i + 5 * j) % 7 - (5 * i + 3 * j) % 7) / 32 for j in range(n)] for i in range(n)]


def _van_der_pol(mu: int, end: float) -> Problem:
    return Problem(
        name=f"vanderpol{mu}",
        f=van_der_pol,
        y0=(2.0, 0.0),
        ts=tuple(end * i / 4 for i in range(5)),
        params={"mu": mu},
        source=f"{HNW}, I.16",
    )


PROBLEMS = (
    Problem(
        name="linear10",
        f=_linear,
        y0=(1.0,) * 10,
        ts=(1.0, 2.75, 4.5, 6.25, 8.0),
        params={"matrix": _antisymmetric(10)},
        source="antisymmetric, as the linear problem of torchdiffeq's tests",
    ),
    Problem(
        name="sine",
        f=_sine,
        y0=(-math.cos(2) / 2 + math.sin(2) / 2 + math.cos(2) / 4 - 1 + 2 + math.pi - 0.25,),
        ts=(1.0, 2.75, 4.5, 6.25, 8.0),
        params={"amplitude": 1.0},
        source="the sine problem of torchdiffeq's tests",
        closed=_sine_closed,
        scale=1024.0,
    ),
    Problem(
        name="exponential",
        f=_growth,
        y0=(1.0,),
        ts=(0.0, 1.0, 2.0, 3.0, 4.0),
        params={"rate": 1.0},
        source="Dahlquist's test equation",
        closed=_growth_closed,
        scale=16.0,
    ),
    Problem(
        name="constant",
        f=_constant,
        y0=(3.2,),
        ts=(1.0, 2.75, 4.5, 6.25, 8.0),
        params={"slope": 0.2, "offset": 3.0},
        source="the constant problem of torchdiffeq's tests",
        closed=_constant_closed,
        scale=4.0,
    ),
    Problem(
        name="lotka_volterra",
        f=_lotka_volterra,
        y0=(10.0, 5.0),
        ts=(0.0, 3.75, 7.5, 11.25, 15.0),
        params={"a": 1.5, "b": 1.0, "c": 3.0, "d": 1.0},
        source="the example of scipy.integrate.solve_ivp",
        scale=4.0,
    ),
    _van_der_pol(1, 10.0),
    _van_der_pol(10, 20.0),
    Problem(
        name="arenstorf",
        f=_arenstorf,
        y0=(0.994, 0.0, 0.0, -2.00158510637908252240537862224),
        ts=(0.0, 4.0, 8.0, 12.0, 17.0652165601579625588917206249),
        params={"moon": 0.012277471},
        source=f"{HNW}, II.0: periodic, and closes at its last time",
    ),
    Problem(
        name="lorenz",
        f=_lorenz,
        y0=(1.0, 1.0, 1.0),
        ts=(0.0, 0.5, 1.0, 1.5, 2.0),
        params={"sigma": 10.0, "rho": 28.0, "beta": 8 / 3},
        source=f"{HNW}, I.16",
        scale=16.0,
    ),
)

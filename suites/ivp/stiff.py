"""Stiff problems."""

from __future__ import annotations

from typing import Any

from .detest_e import van_der_pol
from .problem import Array, Params, Problem

HW = "Hairer & Wanner, Solving Ordinary Differential Equations II"


def _robertson(t: Array, y: Array, p: Params, xp: Any) -> Array:
    """k2 in units of 1e7, k3 in units of 1e4, so that a gradient with respect to one does not hide the others."""
    a, b, c = y[..., 0], y[..., 1], y[..., 2]
    first, second, third = p["k1"] * a, p["k2"] * 1e7 * b * b, p["k3"] * 1e4 * b * c
    return xp.stack([third - first, first - third - second, second], axis=-1)


def _hires(t: Array, y: Array, p: Params, xp: Any) -> Array:
    """The high irradiance response of a plant: eight substances. k+ is in units of 100."""
    a, b, c, d, e, f, g, h = (y[..., i] for i in range(8))
    k1, k2, k3, k4, k5 = p["k1"], p["k2"], p["k3"], p["k4"], p["k5"]
    meeting = 100 * p["k_plus"] * f * h
    back = (k2 + 2 * k4) * g
    return xp.stack(
        [
            -k1 * a + k2 * b + k3 * c + p["source"],
            k1 * a - (k2 + k3) * b,
            -(k1 + k3) * c + k2 * d + k5 * e,
            k3 * b + k1 * c - (k2 + k4) * d,
            -(k1 + k5) * e + k2 * f + k2 * g,
            -meeting + k4 * d + k1 * e - k2 * f + k4 * g,
            meeting - back,
            -meeting + back,
        ],
        axis=-1,
    )


PROBLEMS = (
    Problem(
        name="vanderpol1000",
        f=van_der_pol,
        y0=(2.0, 0.0),
        ts=(0.0, 256.0, 512.0, 768.0, 1024.0),
        params={"mu": 1000.0},
        source=f"{HW}, IV.1; past the first jump, at t = 807",
        stiff=True,
        scale=(1.0, 2.0**-10),
    ),
    Problem(
        name="robertson",
        f=_robertson,
        y0=(1.0, 0.0, 0.0),
        ts=(0.0, 0.25, 1.0, 8.0, 40.0),
        params={"k1": 0.04, "k2": 3.0, "k3": 1.0},
        source=f"{HW}, IV.1, eq. 1.4",
        stiff=True,
        scale=(1.0, 2.0**-15, 1.0),
    ),
    Problem(
        name="hires",
        f=_hires,
        y0=(1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0057),
        ts=(0.0, 8.0, 64.0, 192.0, 321.8125),
        params={"k1": 1.71, "k2": 0.43, "k3": 8.32, "k4": 0.69, "k5": 0.035, "k_plus": 2.8, "source": 0.0007},
        source=f"{HW}, IV.10, eq. 10.4",
        stiff=True,
        scale=tuple(2.0**-k for k in (9, 12, 12, 9, 6, 4, 8, 8)),
    ),
)

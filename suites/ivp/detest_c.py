"""DETEST class C: moderate systems."""

from __future__ import annotations

import tomllib
from math import factorial
from pathlib import Path
from typing import Any

import numpy as np

from .detest_a import SOURCE, TIMES
from .problem import Array, Params, Problem


def _chain(t: Array, y: Array, p: Params, xp: Any) -> Array:
    """Radioactive decay along a chain, at one rate; its last member is stable."""
    return _passed_on(p["rate"][..., None] * y[..., :-1], xp)


def _chain_of_rates(t: Array, y: Array, p: Params, xp: Any) -> Array:
    return _passed_on(p["rates"] * y[..., :-1], xp)


def _passed_on(flow: Array, xp: Any) -> Array:
    nothing = 0 * flow[..., :1]
    return xp.concat([nothing, flow], axis=-1) - xp.concat([flow, nothing], axis=-1)


def _chain_closed(ts: Array, y0: Array, p: Params) -> Array:
    """What starts k members before is spread as a Poisson variable; the last member takes the rest."""
    mean = p["rate"][..., None] * (ts - ts[..., :1])
    last = y0.shape[-1] - 1
    poisson = [np.exp(-mean) * mean**k / factorial(k) for k in range(last)]
    found = [sum(y0[..., k, None] * poisson[i - k] for k in range(i + 1)) for i in range(last)]
    return np.stack([*found, np.sum(y0, -1)[..., None] - sum(found)], axis=-1)


def _diffusion(t: Array, y: Array, p: Params, xp: Any) -> Array:
    """A parabolic equation by the method of lines, between walls at zero."""
    wall = 0 * y[..., :1]
    left, right = xp.concat([wall, y[..., :-1]], axis=-1), xp.concat([y[..., 1:], wall], axis=-1)
    return p["diffusivity"][..., None] * (left - 2 * y + right)


def _diffusion_closed(ts: Array, y0: Array, p: Params) -> Array:
    """By its eigenvectors, the sines."""
    n = y0.shape[-1]
    k = np.arange(1, n + 1)
    angle = np.arctan(np.longdouble(1)) * 4 * k / (n + 1)
    sines = np.sqrt(np.longdouble(2) / (n + 1)) * np.sin(k[:, None] * angle)
    elapsed = (p["diffusivity"][..., None] * (ts - ts[..., :1]))[..., None]
    return ((y0 @ sines)[..., None, :] * np.exp(-elapsed * (2 - 2 * np.cos(angle)))) @ sines


def _planets(t: Array, y: Array, p: Params, xp: Any) -> Array:
    """Five planets seen from the sun, which they pull too; y is their positions and then their velocities."""
    x = xp.reshape(y[..., :15], (*y.shape[:-1], 5, 3))
    mass = p["mass"][..., None]
    to_sun = x / _cubed_distance(x, xp)
    pull = -p["sun"][..., None, None] * to_sun - xp.sum(mass * to_sun, axis=-2)[..., None, :]
    for shift in range(1, 5):  # every planet meets every other, and never itself
        apart = _roll(x, shift, xp) - x
        pull = pull + _roll(mass, shift, xp) * apart / _cubed_distance(apart, xp)
    acceleration = xp.reshape(p["gravity"][..., None, None] * pull, (*y.shape[:-1], 15))
    return xp.concat([y[..., 15:], acceleration], axis=-1)


def _roll(x: Array, shift: int, xp: Any) -> Array:
    return xp.concat([x[..., shift:, :], x[..., :shift, :]], axis=-2)


def _cubed_distance(x: Array, xp: Any) -> Array:
    square = xp.sum(x * x, axis=-1)[..., None]
    return square * xp.sqrt(square)


def _five_bodies() -> Problem:
    data = tomllib.loads(Path(__file__).with_name("outer_planets.toml").read_text(encoding="utf-8"))
    positions = [x for planet in data["planets"] for x in planet["position"]]
    velocities = [x for planet in data["planets"] for x in planet["velocity"]]
    return Problem(
        name="c5",
        f=_planets,
        y0=(*positions, *velocities),
        ts=TIMES,
        params={"gravity": data["gravity"], "sun": data["sun"], "mass": [p["mass"] for p in data["planets"]]},
        source=SOURCE,
        scale=(8.0,) * 15 + (0.25,) * 15,
    )


_ONE_OF_10 = (1.0,) + (0.0,) * 9

PROBLEMS = (
    Problem("c1", _chain, _ONE_OF_10, TIMES, {"rate": 1.0}, SOURCE, _chain_closed),
    Problem(
        "c2",
        _chain_of_rates,
        _ONE_OF_10,
        TIMES,
        {"rates": range(1, 10)},
        SOURCE,
    ),
    Problem("c3", _diffusion, _ONE_OF_10, TIMES, {"diffusivity": 1.0}, SOURCE, _diffusion_closed),
    Problem(
        "c4",
        _diffusion,
        (1.0,) + (0.0,) * 50,
        TIMES,
        {"diffusivity": 1.0},
        SOURCE,
        _diffusion_closed,
    ),
    _five_bodies(),
)

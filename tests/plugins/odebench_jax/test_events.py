"""Events in JAX: where they are, their gradients by every method, and what becomes of them in compiled code."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import pytest

import odebench
from odebench import SolveError, Status, Unsupported
from odebench.backends import backends, default_registry

PLAIN: dict[str, Any] = {"rtol": 1e-9, "atol": 1e-11, "max_steps": 256}
BACKENDS = [
    *(info.name for info in backends(default_registry(), "jax/dopri5/*")),
    "jax/kvaerno5/adjoint",
    "jax/adams/backprop",
]
Params = dict[str, jax.Array]


@pytest.fixture(autouse=True)
def double() -> Iterator[None]:
    before = jax.config.values["jax_enable_x64"]
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)


def fall(t: jax.Array, y: jax.Array, p: Params) -> jax.Array:
    return jnp.stack([y[1], -p["g"]])


def ground(t: jax.Array, y: jax.Array, p: Params) -> jax.Array:
    return y[0] - p["radius"]


def turn(t: jax.Array, y: jax.Array) -> jax.Array:
    """(cos t, -sin t) from (1, 0)."""
    return jnp.stack([y[1], -y[0]])


def closed(height: Any, velocity: Any, g: Any, radius: Any, t0: Any) -> jax.Array:
    speed = jnp.sqrt(velocity**2 + 2 * g * (height - radius))
    return jnp.stack([t0 + (velocity + speed) / g, -speed])


@pytest.mark.parametrize("name", BACKENDS)
def test_the_first_impact(name: str) -> None:
    """At √2 s, under jit; the gradients of a mix of its time and velocity with respect to height, velocity, gravity,
    radius and t0 are the closed form's, by every gradient method."""
    odeint = odebench.backend(name, **PLAIN).odeint

    def mixed(*inputs: jax.Array) -> tuple[jax.Array, jax.Array]:
        height, velocity, g, radius, t0 = inputs
        t, y = odeint.event(
            fall,
            jnp.stack([height, velocity]),
            jnp.stack([t0, t0 + 5.0]),
            {"g": g, "radius": radius},
            event=ground,
            direction=-1,
        )
        return t + 0.3 * y[1], t

    inputs = [jnp.asarray(x) for x in (10.0, 0.0, 9.8, 0.2, 0.0)]
    every = tuple(range(5))
    (_, t), found = jax.jit(jax.value_and_grad(mixed, every, has_aux=True))(*inputs)
    expected = jax.grad(lambda *inputs: closed(*inputs) @ jnp.asarray([1.0, 0.3]), every)(*inputs)
    assert float(t) == pytest.approx(math.sqrt(2), abs=1e-9)
    for a, b in zip(found, expected, strict=True):
        assert float(a) == pytest.approx(float(b), abs=1e-4 if "difference" in name else 1e-7)


def test_differences_agree_in_a_scan_of_bounces() -> None:
    """The third impact's time against gravity and absorption, by backprop in a compiled loop; captured arrays of f and
    of the event have their gradients."""
    odeint = odebench.backend("jax/dopri5/backprop", **PLAIN).odeint

    def third(g: jax.Array, absorption: jax.Array) -> jax.Array:
        def flight(carry: Any, _: Any) -> Any:
            t, y = carry
            t, y = odeint.event(
                lambda t, y: jnp.stack([y[1], -g]),
                y,
                jnp.stack([t, t + 4]),
                event=lambda t, y, p: y[0] - 0.02 * g,
                direction=-1,
            )
            return (t, jnp.stack([y[0], -(1 - absorption) * y[1]])), t

        _, times = jax.lax.scan(flight, (jnp.asarray(0.0), jnp.asarray([10.0, 0.0])), None, length=3)
        return times[-1]

    at = jnp.asarray(9.8), jnp.asarray(0.2)
    found = jax.jit(jax.grad(third, (0, 1)))(*at)
    value, h = jax.jit(third), 1e-4
    differences = (
        (value(at[0] + h, at[1]) - value(at[0] - h, at[1])),
        (value(at[0], at[1] + h) - value(at[0], at[1] - h)),
    )
    for a, b in zip(found, differences, strict=True):
        assert float(a) == pytest.approx(float(b) / (2 * h), rel=1e-6)


@pytest.fixture(scope="module")
def crossing() -> Any:
    """``(t, y[1], dt/dlevel)`` of y[0] = level on the circle, compiled once for all."""
    odeint = odebench.backend("jax/dopri5/adjoint", **PLAIN).odeint

    def time(level: jax.Array, y0: jax.Array, ts: jax.Array, direction: int) -> tuple[jax.Array, jax.Array]:
        t, y = odeint.event(turn, y0, ts, event=lambda t, y, p: y[0] - level, direction=direction)
        return t, y[1]

    return jax.jit(jax.value_and_grad(time, has_aux=True), static_argnums=3)


def test_either_way_in_time(crossing: Any) -> None:
    """cos t = 1/2 after 0 and before it, with dt/dlevel = -1/sin t."""
    y0 = jnp.asarray([1.0, 0.0])
    for sign in (1.0, -1.0):
        (t, v), slope = crossing(jnp.asarray(0.5), y0, jnp.asarray([0.0, sign * 3.0]), 0)
        assert float(t) == pytest.approx(sign * math.pi / 3, abs=1e-8)
        assert float(v) == pytest.approx(-math.sin(float(t)), abs=1e-8)
        assert float(slope) == pytest.approx(-1 / math.sin(float(t)), rel=1e-7)


def test_no_event_is_nan_in_compiled_code(crossing: Any) -> None:
    """t, y and the gradient; so is a level that is never reached, and one that is met at the start alone."""
    y0 = jnp.asarray([1.0, 0.0])
    for level in (2.0, 1.0):
        (t, v), slope = crossing(jnp.asarray(level), y0, jnp.asarray([0.0, 3.0]), 0)
        assert all(math.isnan(x) for x in (t, v, slope)), level


def test_no_event_is_an_error_outside() -> None:
    """With its own status; a zero that is touched where it is looked at is none, the change of sign after it is."""
    odeint = odebench.backend("jax/dopri5/backprop", **PLAIN).odeint
    y0, ts = jnp.asarray([1.0, 0.0]), jnp.asarray([0.0, 3.0])
    for g in (lambda t, y, p: y[0] + 2, lambda t, y, p: (t - 1.5) ** 2):
        with pytest.raises(SolveError, match="no_event") as error:
            odeint.event(turn, y0, ts, event=g)
        assert error.value.status == Status.no_event
    t, _ = odeint.event(turn, y0, ts, event=lambda t, y, p: (t - 1.5) ** 2 * (t - 2.25))
    assert float(t) == pytest.approx(2.25, abs=1e-12)


def test_a_peer_without_a_path_says_so() -> None:
    """Its cells are skipped."""
    peer = odebench.backend("jax-ode/dopri5/adjoint").odeint
    with pytest.raises(Unsupported, match="jax-ode/dopri5/adjoint: the solver has no dense output"):
        peer.event(turn, jnp.asarray([1.0, 0.0]), jnp.asarray([0.0, 3.0]), event=lambda t, y, p: y[0])

"""Events in PyTorch: where they are, and their gradients by every method."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

import odebench
from odebench import SolveError, Status, Unsupported
from odebench.backends import backends, default_registry

PLAIN = {"rtol": 1e-9, "atol": 1e-11}
STEPS = {"num_steps": 400}
BACKENDS: dict[str, dict[str, Any]] = {
    **{info.name: PLAIN for info in backends(default_registry(), "torch/dopri5/*")},
    **{info.name: STEPS for info in backends(default_registry(), "torch/reversible_heun/*")},
    **dict.fromkeys(("torch/kvaerno5/adjoint", "torch/adams/adjoint", "torch/adams/backprop"), PLAIN),
    "torch/rk4/backprop": STEPS,
}
odeint = odebench.backend("torch/dopri5/backprop", **PLAIN).odeint
Params = dict[str, Tensor]


def double(*values: float) -> Tensor:
    return torch.tensor(values if len(values) > 1 else values[0], dtype=torch.float64)


def fall(t: Tensor, y: Tensor, p: Params) -> Tensor:
    return torch.stack([y[1], -p["g"]])


def ground(t: Tensor, y: Tensor, p: Params) -> Tensor:
    return y[0] - p["radius"]


def turn(t: Tensor, y: Tensor) -> Tensor:
    """(cos t, -sin t) from (1, 0)."""
    return torch.stack([y[1], -y[0]])


def decay(t: Tensor, y: Tensor, p: Params) -> Tensor:
    return -p["rate"] * torch.cos(t) * y


def threshold(t: Tensor, y: Tensor, p: Params) -> Tensor:
    return y[0] - p["low"] * (1 + 0.1 * t)


def first(height: Tensor, velocity: Tensor, g: Tensor, radius: Tensor, t0: Tensor) -> tuple[Tensor, Tensor]:
    """The first impact, in closed form: time and velocity."""
    speed = (velocity**2 + 2 * g * (height - radius)).sqrt()
    return t0 + (velocity + speed) / g, -speed


@pytest.mark.parametrize("name", BACKENDS)
def test_the_first_impact(name: str) -> None:
    """At √2 s; the gradients of its time and velocity with respect to height, velocity, gravity, radius and t0 are the
    closed form's, by every gradient method."""
    inputs = [double(x).requires_grad_() for x in (10.0, 0.0, 9.8, 0.2, 0.0)]
    height, velocity, g, radius, t0 = inputs
    odeint = odebench.backend(name, **BACKENDS[name]).odeint
    t, y = odeint.event(
        fall,
        torch.stack([height, velocity]),
        torch.stack([t0, double(5.0)]),
        {"g": g, "radius": radius},
        event=ground,
        direction=-1,
    )
    assert t.item() == pytest.approx(math.sqrt(2), abs=1e-9)
    for found, expected in zip((t, y[1]), first(*inputs), strict=True):
        gradients = (
            torch.autograd.grad(x, inputs, retain_graph=True, materialize_grads=True) for x in (found, expected)
        )
        for a, b in zip(*gradients, strict=True):
            assert a.item() == pytest.approx(b.item(), abs=1e-4 if "difference" in name else 1e-7)


@pytest.mark.parametrize("name", ["torch/dopri5/backprop", "torch/dopri5/adjoint"])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_gradcheck(name: str, sign: float) -> None:
    """Against finite differences of the event itself, of a field and an event that depend on t, either way in time."""

    def event(y0: Tensor, t0: Tensor, rate: Tensor, low: Tensor) -> tuple[Tensor, Tensor]:
        ts = torch.stack([t0, t0 + sign * 1.5])
        backend = odebench.backend(name, rtol=1e-10, atol=1e-12)
        found: tuple[Tensor, Tensor] = backend.odeint.event(decay, y0, ts, {"rate": rate, "low": low}, event=threshold)
        return found

    inputs = [double(1.0, -2.0), double(sign * 0.1), double(sign * 1.3), double(0.6)]
    assert torch.autograd.gradcheck(event, [x.requires_grad_() for x in inputs], eps=1e-3, atol=1e-4)


def test_bounces() -> None:
    """Each solve starts at an event: four impacts and the gradient of the last, in closed form."""
    g, absorption = (double(x).requires_grad_() for x in (9.8, 0.2))
    t, y, times = double(0.0), double(10.0, 0.0), []
    for _ in range(4):
        ts = torch.stack([t, t + 4])
        t, y = odeint.event(fall, y, ts, {"g": g, "radius": double(0.2)}, event=ground, direction=-1)
        y = torch.stack([y[0], -(1 - absorption) * y[1]])
        times.append(t)
    drop = (2 * 9.8 / g).sqrt()
    flights = torch.stack([drop, *(2 * drop * (1 - absorption) ** k for k in range(1, 4))])
    assert torch.allclose(torch.stack(times), flights.cumsum(0), atol=1e-9)
    for found, expected in zip(
        torch.autograd.grad(times[-1], [g, absorption]),
        torch.autograd.grad(flights.sum(), [g, absorption]),
        strict=True,
    ):
        assert found.item() == pytest.approx(expected.item(), rel=1e-7)


def test_a_tree() -> None:
    """y is a tree like y0; g may see all of it; what the time depends on has its gradient in every leaf."""
    level = double(2.0).requires_grad_()

    def f(t: Tensor, y: dict[str, Tensor]) -> dict[str, Tensor]:
        return {"x": y["v"], "v": torch.zeros_like(y["v"])}

    y0 = {"x": double(0.0), "v": double(4.0)}
    t, y = odeint.event(f, y0, double(0.0, 1.0), event=lambda t, y, p: y["x"] * y["v"] - 4 * level)
    (dt,) = torch.autograd.grad(t, level, retain_graph=True)
    (dx,) = torch.autograd.grad(y["x"], level)
    assert [x.item() for x in (t, y["x"], y["v"], dt, dx)] == pytest.approx([0.5, 2.0, 4.0, 0.25, 1.0])


def test_direction() -> None:
    """The first zero of cos t after 1 of either kind, that falls, and that rises; in reverse, as the path goes."""

    def at(direction: int, *ts: float) -> float:
        t, _ = odeint.event(
            turn,
            torch.stack([torch.cos(double(ts[0])), -torch.sin(double(ts[0]))]),
            double(*ts),
            event=lambda t, y, p: y[0],
            direction=direction,
        )
        return float(t)

    pi = math.pi
    found = [at(0, 1.0, 9.0), at(-1, 1.0, 9.0), at(1, 1.0, 9.0), at(1, 9.0, 0.0), at(-1, 9.0, 0.0)]
    assert found == pytest.approx([pi / 2, pi / 2, 3 * pi / 2, 5 * pi / 2, 3 * pi / 2], abs=1e-8)
    with pytest.raises(ValueError, match="direction must be -1, 0 or 1, got 2"):
        at(2, 1.0, 9.0)


@pytest.mark.parametrize(
    ("what", "g", "start"),
    [
        ("no root", lambda t, y, p: y[0] + 2, 0.0),
        ("a root at the start alone", lambda t, y, p: y[1], 0.0),
        ("a root that is all but touched", lambda t, y, p: y[0] ** 2 + 1e-12, 0.0),
        ("a root that is touched just where it is looked at", lambda t, y, p: (t - 1.5) ** 2, 0.0),
    ],
)
def test_no_event(what: str, g: Any, start: float) -> None:
    """A SolveError with its own status."""
    with pytest.raises(SolveError, match="no_event: the event function changed its sign nowhere") as error:
        odeint.event(turn, double(1.0, 0.0), double(start, 3.0), event=g)
    assert error.value.status == Status.no_event


def test_a_root_at_the_start_is_passed_over() -> None:
    """-sin t from 0: the event is at π."""
    t, _ = odeint.event(turn, double(1.0, 0.0), double(0.0, 4.0), event=lambda t, y, p: y[1])
    assert t.item() == pytest.approx(math.pi, abs=1e-8)


def test_a_root_just_where_it_is_looked_at() -> None:
    """Is an event if the sign changes there; one that is touched before is none, and one at the last time is."""
    for g, expected in (
        (lambda t, y, p: t - 1.5, 1.5),
        (lambda t, y, p: (t - 1.5) ** 2 * (t - 2.25), 2.25),
        (lambda t, y, p: t - 3.0, 3.0),
    ):
        t, _ = odeint.event(turn, double(1.0, 0.0), double(0.0, 3.0), event=g)
        assert t.item() == pytest.approx(expected, abs=1e-12)


def test_a_peer_without_a_path_says_so() -> None:
    """Its cells are skipped."""
    peer = odebench.backend("torchdiffeq/dopri5/backprop").odeint
    with pytest.raises(Unsupported, match="torchdiffeq/dopri5/backprop: the solver has no dense output"):
        peer.event(turn, double(1.0, 0.0), double(0.0, 4.0), event=lambda t, y, p: y[0])

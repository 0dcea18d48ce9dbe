"""What is compiled, run as it is: the eager engine's values, statistics, counts and gradients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import odebench
from odebench import ExplicitRungeKutta
from odebench.contract import Unsupported
from odebench_rungekutta import TABLEAUS
from odebench_torch.compiled.function import function_of, uncompiled
from odebench_torch.compiled.steps import Steps
from odebench_torch.layout import Layout
from odebench_torch.runge_kutta import RungeKutta

TABLES: dict[str, ExplicitRungeKutta] = {tableau.name: tableau for tableau in TABLEAUS}
ADAPTIVE = {"rtol": 1e-5, "atol": 1e-6}


@pytest.fixture(autouse=True)
def as_it_is() -> Iterator[None]:
    with uncompiled():
        yield


def f(t: Tensor, y: Tensor, p: dict[str, Tensor]) -> Tensor:
    return torch.tanh(torch.sin(3 * t) * y @ p["w1"] + p["b1"]) @ p["w2"] * (1 + t)


def of_tree(t: Tensor, state: dict[str, Any], p: dict[str, Tensor]) -> dict[str, Any]:
    y, z = state["y"], state["z"][0]
    return {"z": (torch.cos(t) * z * y.sum(),), "y": f(t, y, p) - z}


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def parameters() -> dict[str, Tensor]:
    made = {"w1": normal(2, 6), "b1": normal(6), "w2": 0.5 * normal(6, 2), "unused": normal(3)}
    return {name: p.requires_grad_() for name, p in made.items()}


def times(*ts: float, timed: bool = True) -> Tensor:
    return torch.tensor(ts or (0.1, 0.3, 0.35, 1.1, 2.0), dtype=torch.float64, requires_grad=timed)


def gradients(ys: Tensor, of: list[Tensor]) -> list[Tensor]:
    weights = normal(*ys.shape, seed=1)
    return list(torch.autograd.grad((ys * weights).sin().sum(), of, materialize_grads=True))


def same(found: list[Tensor], expected: list[Tensor], rtol: float = 1e-12) -> None:
    for a, b in zip(found, expected, strict=True):
        assert (a - b).norm() <= rtol * b.norm()


@pytest.mark.parametrize("ts", [(0.1, 0.3, 0.35, 1.1, 2.0), (2.0, 0.1)])
@pytest.mark.parametrize(
    ("checkpoints", "timed"), [(None, False), (None, True), (3, True)], ids=["activations", "states", "three"]
)
@pytest.mark.parametrize("options", [ADAPTIVE, {"num_steps": 11}], ids=["adaptive", "fixed"])
@pytest.mark.parametrize("name", ["dopri5", "fehlberg45", "rk4"])
def test_it_is_the_eager_engines_gradient(
    name: str, options: dict[str, Any], checkpoints: Any, ts: Any, *, timed: bool
) -> None:
    """To 1e-12 with respect to y0, every time and every parameter, where steps are the same; an adaptive solve's own
    sizes differ by what rounding does to an error's estimate."""
    adaptive = options is ADAPTIVE and TABLES[name].adaptive
    options = options if adaptive else {"num_steps": 11}
    solve, p, y0 = RungeKutta(TABLES[name]), parameters(), normal(3, 2).requires_grad_()
    ts = times(*ts, timed=timed)
    of = [y0, *([ts] if timed else []), *p.values()]
    ys, stats = solve(f, y0, ts, p, compile=True, checkpoints=checkpoints, **options)
    expected, eager = solve(f, y0, ts, p, **options)
    assert (stats.accepted, stats.rejected) == (eager.accepted, eager.rejected)
    if solve.tableau.fsal or not adaptive:
        assert stats.nfe <= eager.nfe + 1  # without a first stage that is had already, the first is made twice
    same([ys.detach()], [expected.detach()], 1e-11 if adaptive else 1e-14)
    same(gradients(ys, of), gradients(expected, of), 1e-10 if adaptive else 1e-12)


@pytest.mark.parametrize("gradient", ["adjoint", "seminorm"])
@pytest.mark.parametrize("options", [ADAPTIVE, {"num_steps": 11}], ids=["adaptive", "fixed"])
def test_the_adjoint_is_the_eager_adjoint(gradient: str, options: dict[str, Any]) -> None:
    p, y0, ts = parameters(), normal(3, 2).requires_grad_(), times()
    of = [y0, ts, *p.values()]
    name = f"torch/dopri5/{gradient}"
    ys = odebench.backend(name, compile=True, **options).odeint(f, y0, ts, p)
    expected = odebench.backend(name, **options).odeint(f, y0, ts, p)
    same(gradients(ys, of), gradients(expected, of), 1e-9)


@pytest.mark.parametrize("timed", [False, True])
@pytest.mark.parametrize("gradient", ["backprop", "aca", "checkpoint", "adjoint"])
def test_trees_and_numbers(gradient: str, *, timed: bool) -> None:
    """A state of dicts and tuples, and a parameter that is no tensor; what does not require grad gets no gradient."""
    p: dict[str, Any] = {**parameters(), "scale": 0.5, "shift": normal(2)}
    state = {"y": normal(3, 2).requires_grad_(), "z": (normal(1).requires_grad_(),)}

    def scaled(t: Tensor, state: Any, p: dict[str, Any]) -> Any:
        found = of_tree(t, state, p)
        return {**found, "y": p["scale"] * found["y"] + p["shift"]}

    def gradient_of(**options: Any) -> list[Tensor]:
        ys = odebench.backend(f"torch/dopri5/{gradient}", num_steps=7, **options).odeint(
            scaled, state, times(timed=timed), p
        )
        loss = ys["y"].sin().sum() + ys["z"][0].cos().sum()
        of = [state["y"], state["z"][0], *(p[name] for name in ("w1", "b1", "w2"))]
        return list(torch.autograd.grad(loss, of))

    same(gradient_of(compile=True), gradient_of(), 1e-12)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(2, 2, dtype=torch.float64)
        self.register_buffer("shift", normal(2))
        self.calls = 0

    def forward(self, t: Tensor, y: Tensor) -> Tensor:
        return torch.tanh(self.inner(y)) + self.shift * t


@pytest.mark.parametrize("gradient", ["backprop", "adjoint"])
def test_a_module_has_its_own_parameters(gradient: str) -> None:
    """Its buffers are arguments, too; and parameters may be given to a module as to a function."""
    net, y0 = Net(), normal(3, 2)

    def gradient_of(params: Any, **options: Any) -> list[Tensor]:
        odeint = odebench.backend(f"torch/dopri5/{gradient}", num_steps=5, **options).odeint
        ys = odeint(net, y0, times(timed=False), params)
        return gradients(ys, list(net.parameters()))

    for params in (None, dict(net.named_parameters())):
        same(gradient_of(params, compile=True), gradient_of(params))


@pytest.mark.parametrize("timed", [False, True])
@pytest.mark.parametrize("gradient", ["backprop", "adjoint"])
def test_a_captured_tensor_is_a_constant_or_an_error(gradient: str, *, timed: bool) -> None:
    w = normal(2, 2)

    def captures(t: Tensor, y: Tensor) -> Tensor:
        return y @ w

    y0, odeint = normal(3, 2).requires_grad_(), odebench.backend(f"torch/rk4/{gradient}", num_steps=3, compile=True)
    (found,) = gradients(odeint.odeint(captures, y0, times(timed=timed)), [y0])
    assert found.isfinite().all()
    w.requires_grad_()
    with pytest.raises(Unsupported, match="pass it in params"):
        odeint.odeint(captures, y0, times(timed=timed))


@pytest.mark.parametrize("timed", [False, True], ids=["activations", "states"])
def test_it_can_be_differentiated_once_and_guards_its_parameters(*, timed: bool) -> None:
    solve, p, y0 = RungeKutta(TABLES["rk4"]), parameters(), normal(3, 2).requires_grad_()
    ys, _ = solve(f, y0, times(timed=timed), p, num_steps=3, compile=True)
    with pytest.raises(RuntimeError, match="create_graph"):
        torch.autograd.grad(ys.sum(), y0, create_graph=True)
    ys, _ = solve(f, y0, times(timed=timed), p, num_steps=3, compile=True)
    with torch.no_grad():
        p["w1"].mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        ys.sum().backward()


@pytest.mark.parametrize("name", ["torch/adams/backprop", "torch/kvaerno3/adjoint", "jax/dopri5/backprop"])
def test_who_cannot_says_so(name: str) -> None:
    backend = odebench.backend(name, compile=True)
    with pytest.raises(Unsupported, match="has no option 'compile'"):
        backend.odeint(f, np.ones(2), np.array([0.0, 1.0]))
    with pytest.raises(Unsupported, match="has no option 'compile'"):
        backend.solve(f, np.ones(2), np.array([0.0, 1.0]))


def test_nor_can_another_solver_of_the_adjoint() -> None:
    backend = odebench.backend("torch/dopri5/adjoint", compile=True, adjoint_solver="adams")
    with pytest.raises(Unsupported, match="'adams' cannot compile its steps"):
        backend.odeint(f, normal(3, 2), times(), parameters())


@pytest.mark.parametrize("gradient", ["forward", "finite_difference"])
def test_nor_can_gradients_by_dynamics_of_their_own(gradient: str) -> None:
    """Which are other ones in every solve, so that each would compile them."""
    backend = odebench.backend(f"torch/dopri5/{gradient}", compile=True)
    with pytest.raises(Unsupported, match="leave compile=True out"):
        backend.odeint(f, normal(3, 2), times(), parameters())


def test_there_are_no_events_in_compiled_steps() -> None:
    odeint = odebench.backend("torch/dopri5/backprop", compile=True).odeint
    with pytest.raises(Unsupported, match="compile=True"):
        odeint.event(f, normal(3, 2), times(0.1, 2.0), parameters(), event=lambda t, y, p: t - 1)


def test_the_way_back_has_the_autocast_of_the_way_there() -> None:
    def gradient_of(*, inside: bool) -> list[Tensor]:
        w, y0 = normal(4, 4).float().requires_grad_(), normal(3, 4, seed=1).float()
        with torch.autocast("cpu", torch.bfloat16):
            odeint = odebench.backend("torch/rk4/backprop", num_steps=3, compile=True).odeint
            ys = odeint(lambda t, y, w: torch.tanh(y @ w).float(), y0, torch.tensor([0.0, 1.0]), w)
            if inside:
                return gradients(ys, [w])
        return gradients(ys, [w])

    assert torch.equal(gradient_of(inside=True)[0], gradient_of(inside=False)[0])


def test_a_derivative_that_is_expanded_is_handed_on_whole() -> None:
    """What is compiled was told the strides of the first step's."""
    y, function = normal(4), function_of(lambda t, y, p: p.expand(4), normal(1))
    forward = Steps(TABLES["bosh3"], Layout(y), function, None, adaptive=False).forward(dense=False)
    k1 = forward(torch.tensor([0.1, 0.1], dtype=torch.float64), y, None, function.detached())[1]
    assert k1 is not None
    assert k1.is_contiguous()

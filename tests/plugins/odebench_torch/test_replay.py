"""States in place of activations: the gradient of backpropagation, in the memory that was promised."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from odebench import ExplicitRungeKutta
from odebench_rungekutta import TABLEAUS
from odebench_torch.live_bytes import LiveBytes
from odebench_torch.runge_kutta import RungeKutta

TABLES: dict[str, ExplicitRungeKutta] = {tableau.name: tableau for tableau in TABLEAUS}
MODES: dict[str, dict[str, Any]] = {"adaptive": {"rtol": 1e-4, "atol": 1e-5}, "num_steps": {"num_steps": 23}}


def f(t: Tensor, y: Tensor, p: dict[str, Tensor]) -> Tensor:
    return torch.tanh(torch.sin(3 * t) * y @ p["w1"] + p["b1"]) @ p["w2"] * (1 + t)


def inputs(sign: float = 1.0) -> tuple[Tensor, Tensor, dict[str, Tensor], Tensor]:
    g = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=g, dtype=torch.float64)

    params = {"w1": normal(2, 6), "b1": normal(6), "w2": 0.5 * normal(6, 2), "unused": normal(3)}
    ts = sign * torch.tensor((0.1, 0.3, 0.35, 1.1, 2.0), dtype=torch.float64)
    params = {name: p.requires_grad_() for name, p in params.items()}
    return normal(3, 2).requires_grad_(), ts.requires_grad_(), params, normal(5, 3, 2)


def gradients(ys: Tensor, weights: Tensor, of: list[Tensor]) -> list[Tensor]:
    return list(torch.autograd.grad((ys * weights).sin().sum(), of, materialize_grads=True))


def same(found: list[Tensor], expected: list[Tensor], rtol: float = 1e-12) -> None:
    for a, b in zip(found, expected, strict=True):
        assert (a - b).norm() <= rtol * b.norm()


@pytest.mark.parametrize("checkpoints", ["all", 1, 3, 100])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["dopri5", "rk4", "bosh3", "fehlberg45", "euler"])
def test_it_is_the_gradient_of_backpropagation(name: str, mode: str, checkpoints: Any) -> None:
    """To 1e-12 for y0, every time and every parameter; values and statistics are the very same."""
    solve = RungeKutta(TABLES[name])
    options = MODES[mode] if TABLES[name].adaptive or mode != "adaptive" else {}
    for sign in (1.0, -1.0):
        y0, ts, params, weights = inputs(sign)
        of = [y0, ts, *params.values()]
        ys, stats = solve(f, y0, ts, params, **options, checkpoints=checkpoints)
        expected, expected_stats = solve(f, y0, ts, params, **options)
        assert torch.equal(ys, expected)
        assert stats == expected_stats
        same(gradients(ys, weights, of), gradients(expected, weights, of))


@pytest.mark.parametrize("checkpoints", ["all", 3])
def test_captured_tensors_get_their_gradient(checkpoints: Any) -> None:
    """By dynamics that take no parameters, from their first evaluation on or from a later one; by a module as well."""
    y0, ts, params, weights = inputs()
    solve = RungeKutta(TABLES["dopri5"])
    w, v = (params[name] for name in ("w1", "w2"))

    def late(t: Tensor, y: Tensor) -> Tensor:
        return torch.tanh(y @ w) @ v if t > 1 else torch.tanh(y @ w.detach()) @ v

    class Net(torch.nn.Linear):
        def forward(self, t: Tensor, y: Tensor) -> Tensor:  # type: ignore[override]
            return torch.tanh(super().forward(y)) @ v.T @ v

    net = Net(2, 2, dtype=torch.float64)
    for dynamics, of in ((late, [w, v]), (net, [v, net.weight, net.bias])):
        found = gradients(solve(dynamics, y0.detach(), ts, checkpoints=checkpoints)[0], weights, of)
        same(found, gradients(solve(dynamics, y0.detach(), ts)[0], weights, of))
        assert all(g.any() for g in found)


def test_states_in_trees() -> None:
    """A dict of leaves of several shapes."""
    y0, ts, params, weights = inputs()

    def tree(t: Tensor, y: dict[str, Any], p: dict[str, Tensor]) -> dict[str, Any]:
        k = f(t, torch.stack([y["a"], y["b"][0]], dim=1), p)
        return {"a": k[:, 0], "b": [k[:, 1]]}

    found = []
    for checkpoints in (None, "all", 4):
        ys, _ = RungeKutta(TABLES["dopri5"])(
            tree, {"a": y0[:, 0], "b": [y0[:, 1]]}, ts, params, checkpoints=checkpoints
        )
        found.append(gradients(torch.stack([ys["a"], ys["b"][0]], 2), weights, [y0, ts, *params.values()]))
    same(found[1], found[0])
    same(found[2], found[0])


def wide(t: Tensor, y: Tensor, p: Tensor) -> Tensor:
    """Activations of five times y's size."""
    return (((y * p).sin() * p).sin() * p).sin() * torch.cos(t)


def memory(checkpoints: Any, steps: int) -> tuple[float, float]:
    """Bytes kept after the solve and the peak of its gradient, in units of y."""
    y = torch.linspace(0, 1, 2_000, dtype=torch.float64).requires_grad_()
    p = torch.ones((), dtype=torch.float64, requires_grad=True)
    ts = torch.tensor([0.0, 1.0], dtype=torch.float64)
    solve = RungeKutta(TABLES["rk4"])
    with LiveBytes() as live:
        ys, _ = solve(wide, y, ts, p, num_steps=steps, checkpoints=checkpoints)
        kept = live.now
        torch.autograd.grad(ys.sum(), [y, p])
    return kept / y.untyped_storage().nbytes(), live.peak / y.untyped_storage().nbytes()


def test_all_states_are_one_a_step() -> None:
    """Kept memory grows by |y| a step exactly, and so does the peak; activations by four stages' worth of them."""
    (kept20, peak20), (kept60, peak60) = memory("all", 20), memory("all", 60)
    assert (kept60 - kept20) / 40 == pytest.approx(1.0, abs=0.01)
    assert (peak60 - peak20) / 40 == pytest.approx(1.0, abs=0.01)
    assert (memory(None, 60)[0] - memory(None, 20)[0]) / 40 > 4 * 5


@pytest.mark.parametrize("number", [1, 4, 16])
def test_a_number_of_states_whatever_the_steps(number: int) -> None:
    """However many steps: |y| at most for every state that is allowed, beside what one step needs."""
    one_step = memory(1, 1)[1]
    for steps in (24, 40):
        kept, peak = memory(number, steps)
        assert kept <= number + 3  # ys, of two times, and the constant of the loss
        assert peak <= one_step + number


def test_how_often_f_is_evaluated() -> None:
    """All states: each stage once more and no other, though the last stage of dopri5 belongs to two steps."""
    y0, ts, params, weights = inputs()
    calls = 0

    def counting(t: Tensor, y: Tensor, p: dict[str, Tensor]) -> Tensor:
        nonlocal calls
        calls += 1
        return f(t, y, p)

    for name, more in (("dopri5", 1), ("rk4", 0)):
        calls = 0
        ys, stats = RungeKutta(TABLES[name])(counting, y0, ts, params, num_steps=12, checkpoints="all")
        forward = calls
        gradients(ys, weights, [y0])
        assert stats.nfe == forward
        assert calls - forward == (6 if name == "dopri5" else 4) * 12 + more


def test_twice_retained_and_refused() -> None:
    """retain_graph works; a second derivative is refused; without grad nothing is kept; bad numbers are named."""
    y0, ts, params, _ = inputs()
    solve = RungeKutta(TABLES["dopri5"])
    ys, _ = solve(f, y0, ts, params, checkpoints=2)
    (first,) = torch.autograd.grad(ys.sum(), y0, retain_graph=True)
    (second,) = torch.autograd.grad(ys.sum(), y0)
    assert torch.equal(first, second)
    with pytest.raises(RuntimeError, match="second time"):
        torch.autograd.grad(ys.sum(), y0)
    ys, _ = solve(f, y0, ts, params, checkpoints="all")
    with pytest.raises(RuntimeError, match="create_graph=True"):
        torch.autograd.grad(ys.sum(), y0, create_graph=True)
    with torch.no_grad():
        assert not solve(f, y0, ts, params, checkpoints="all")[0].requires_grad
    detached = {name: p.detach() for name, p in params.items()}
    assert not solve(f, y0.detach(), ts.detach(), detached, checkpoints=3)[0].requires_grad
    with pytest.raises(ValueError, match="'all' or a whole number"):
        solve(f, y0, ts, params, checkpoints=0)

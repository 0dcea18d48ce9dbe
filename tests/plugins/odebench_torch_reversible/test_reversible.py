"""Reversible Heun: its order, and a gradient that is backprop's in memory that does not grow."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import odebench
from odebench import SolveError, Status, Unsupported
from odebench.adapter import Counts
from odebench_torch.adapter import TorchAdapter
from odebench_torch_backprop.method import bind as backprop
from odebench_torch_reversible.method import bind
from odebench_torch_reversible.solver import reversible_heun

TIMES = (0.1, 0.3, 0.35, 1.1, 2.0)
MODES: dict[str, dict[str, Any]] = {
    "adaptive": {"rtol": 1e-4, "atol": 1e-5},
    "step": {"step": 0.13},
    "num_steps": {"num_steps": 41},
}


def f(t: Tensor, y: Tensor, p: dict[str, Tensor]) -> Tensor:
    return torch.tanh(torch.sin(3 * t) * y @ p["w1"] + p["b1"]) @ p["w2"] * (1 + t)


def inputs(sign: float = 1.0) -> tuple[Tensor, Tensor, dict[str, Tensor], Tensor]:
    g = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=g, dtype=torch.float64)

    params = {"w1": normal(2, 6), "b1": normal(6), "w2": 0.5 * normal(6, 2), "unused": normal(3)}
    ts = sign * torch.tensor(TIMES, dtype=torch.float64)
    params = {name: p.requires_grad_() for name, p in params.items()}
    return normal(3, 2).requires_grad_(), ts.requires_grad_(), params, normal(len(TIMES), 3, 2)


@pytest.mark.parametrize("sign", [1.0, -1.0], ids=["ascending", "descending"])
@pytest.mark.parametrize("mode", MODES)
def test_it_is_backprops_gradient(mode: str, sign: float) -> None:
    """To 1e-10 for y0, every time and every parameter: what is left is the rounding of states computed back."""
    y0, ts, params, weights = inputs(sign)
    found = []
    for method in (bind, backprop):
        ys = method(reversible_heun, MODES[mode])(f, y0, ts, params)
        loss = (ys * weights).sin().sum()
        found.append([ys, *torch.autograd.grad(loss, [y0, ts, *params.values()], materialize_grads=True)])
    assert torch.equal(found[0][0], found[1][0])
    for a, b in zip(*found, strict=True):
        assert (a - b).norm() <= 1e-10 * b.norm()


def test_order_two() -> None:
    """Half the step, a quarter of the error, on an oscillator, which it is made for."""
    ts = torch.tensor([0.0, 3.0], dtype=torch.float64)
    y0 = torch.tensor([1.0, 0.0], dtype=torch.float64)

    def oscillate(t: Tensor, y: Tensor) -> Tensor:
        return torch.stack([-y[1], y[0]])

    def error(steps: int) -> float:
        ys, stats = reversible_heun(oscillate, y0, ts, num_steps=steps)
        assert stats.nfe == steps + 1
        return (ys[-1] - torch.stack([ts[-1].cos(), ts[-1].sin()])).norm().item()

    assert error(40) / error(80) == pytest.approx(4, rel=0.05)
    ys, stats = reversible_heun(oscillate, y0, ts, rtol=1e-5, atol=1e-7)
    assert (ys[-1] - torch.stack([ts[-1].cos(), ts[-1].sin()])).norm() < 1e-3
    assert stats.accepted > 20


def test_memory_does_not_grow() -> None:
    """Neither what is kept nor the peak, to the byte, from 20 steps to 80."""
    y0 = torch.linspace(0, 1, 1000, dtype=torch.float64)
    ts = torch.tensor([0.0, 1.0], dtype=torch.float64)

    def memory(steps: int) -> dict[str, float]:
        odeint = odebench.backend("torch/reversible_heun/reversible", num_steps=steps).odeint
        return TorchAdapter("cpu", "float64").memory(
            lambda p, y: odeint(lambda t, y, p: (y * p).sin(), y, ts, p["p"])[-1].sum(),
            {"p": torch.ones((), dtype=torch.float64)},
            y0,
        )

    assert memory(20) == memory(80)


def test_one_vjp_a_knot() -> None:
    """A step costs one evaluation forwards, and one with its VJP backwards."""
    y0, ts, params, _ = inputs()
    counts = Counts()
    counted = TorchAdapter("cpu", "float64").counted(f, counts)
    ys = bind(reversible_heun, {"num_steps": 30})(counted, y0, ts[[0, 4]], params)
    assert (counts.f, counts.vjp) == (31, 0)
    ys[-1].sum().backward()
    assert (counts.f, counts.vjp) == (62, 31)


def test_failures_and_other_solvers() -> None:
    """A state that is not finite ends as the solver says; another solver is named."""
    y0 = torch.tensor([1.0], dtype=torch.float64, requires_grad=True)
    ts = torch.tensor([0.0, 1.0, 40.0], dtype=torch.float64)
    with pytest.raises(SolveError) as caught:
        bind(reversible_heun, {"num_steps": 40})(lambda t, y: y**3, y0, ts)
    assert caught.value.status == Status.non_finite
    with pytest.raises(Unsupported, match="only reversible_heun can"):
        bind(lambda f, y0, ts, params=None: None, {})  # type: ignore[arg-type, return-value]

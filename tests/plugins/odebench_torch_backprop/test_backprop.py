"""Backpropagation through any torch solver."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

import odebench
from odebench import Stats, Status
from odebench_rungekutta.rk4 import RK4
from odebench_torch.runge_kutta import RungeKutta
from odebench_torch_backprop.method import bind


def f(t: Tensor, y: Tensor, w: Tensor) -> Tensor:
    return torch.tanh(y @ w) * t


def stranger(f: Any, y0: Tensor, ts: Tensor, params: Any = None, *, num_steps: int = 1) -> tuple[Tensor, Stats]:
    """The Runge–Kutta method between two times, as anybody might write it in plain torch."""
    h, y = (ts[-1] - ts[0]) / num_steps, y0
    for n in range(num_steps):
        t = ts[0] + n * h
        k1 = f(t, y, params)
        k2 = f(t + h / 2, y + h / 2 * k1, params)
        k3 = f(t + h / 2, y + h / 2 * k2, params)
        k4 = f(t + h, y + h * k3, params)
        y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return torch.stack([y0, y]), Stats(4 * num_steps, num_steps, 0, Status.ok, 0.0)


def test_a_strangers_solver_and_ours_have_the_same_gradient() -> None:
    """A solver in plain torch operations and the engine agree in values and in every gradient."""
    g = torch.Generator().manual_seed(1)
    y0, w = (torch.randn(3, 3, generator=g, dtype=torch.float64).requires_grad_() for _ in range(2))
    ts = torch.tensor([0.2, 1.7], dtype=torch.float64, requires_grad=True)
    found = []
    for solve in (stranger, RungeKutta(RK4)):
        ys = bind(solve, {"num_steps": 6})(f, y0, ts, w)
        found.append([ys, *torch.autograd.grad(ys.square().sum(), [y0, w, ts])])
    for a, b in zip(*found, strict=True):
        assert torch.allclose(a, b, rtol=1e-12, atol=1e-14)


def test_it_is_found_by_name() -> None:
    """``torch/rk4/backprop`` names this method with the engine."""
    y0 = torch.ones(2, dtype=torch.float64, requires_grad=True)
    odeint = odebench.backend("torch/rk4/backprop", num_steps=20).odeint
    ys = odeint(lambda t, y: -y, y0, torch.tensor([0.0, 1.0], dtype=torch.float64))
    (slope,) = torch.autograd.grad(ys[-1].sum(), y0)
    assert torch.allclose(slope, torch.exp(-torch.ones_like(y0)), atol=1e-6)

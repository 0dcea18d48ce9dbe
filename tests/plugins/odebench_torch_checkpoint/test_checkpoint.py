"""Checkpointing and ACA as methods: backprop's gradient in the memory that was asked for."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import odebench
from odebench.adapter import Counts
from odebench_torch.adapter import TorchAdapter

TS = torch.tensor([0.0, 1.0], dtype=torch.float64)


def f(t: Tensor, y: Tensor, p: Tensor) -> Tensor:
    return (((y * p).sin() * p).sin() * p).sin() * torch.cos(t)


def gradients(method: str, **options: Any) -> list[Tensor]:
    y0 = torch.linspace(0, 1, 5, dtype=torch.float64).requires_grad_()
    p, ts = torch.ones((), dtype=torch.float64, requires_grad=True), TS.clone().requires_grad_()
    ys = odebench.backend(f"torch/dopri5/{method}", **options).odeint(f, y0, ts, p)
    return list(torch.autograd.grad(ys[-1].square().sum(), [y0, p, ts]))


@pytest.mark.parametrize("options", [{"num_steps": 40}, {"rtol": 1e-6, "atol": 1e-8}], ids=["fixed", "adaptive"])
def test_they_are_backprop(options: dict[str, Any]) -> None:
    """To round-off, with the default number of states and with few."""
    expected = gradients("backprop", **options)
    for found in (
        gradients("aca", **options),
        gradients("checkpoint", **options),
        gradients("checkpoint", **options, checkpoints=2),
    ):
        for a, b in zip(found, expected, strict=True):
            assert torch.allclose(a, b, rtol=1e-12, atol=1e-15)


def memory(method: str, steps: int, **options: Any) -> float:
    """The peak of a gradient, in units of y."""
    odeint = odebench.backend(f"torch/rk4/{method}", num_steps=steps, **options).odeint
    found = TorchAdapter("cpu", "float64").memory(
        lambda p, y: odeint(f, y, TS, p["p"])[-1].sum(),
        {"p": torch.ones((), dtype=torch.float64)},
        torch.linspace(0, 1, 1000, dtype=torch.float64),
    )
    return found["memory_bytes"] / 8000


def test_memory_in_the_number_of_steps() -> None:
    """Backprop grows by the activations of a step, aca by one y a step, checkpoint not beyond the states allowed."""

    def slope(method: str, **options: Any) -> float:
        return (memory(method, 20, **options) - memory(method, 12, **options)) / 8

    assert slope("aca") == pytest.approx(1.0, abs=0.02)
    assert slope("backprop") > 20
    assert abs(slope("checkpoint", checkpoints=4)) < 0.02
    assert memory("checkpoint", 20) - memory("checkpoint", 1) <= 16


def test_work() -> None:
    """ACA takes every step again once; sixteen states take each of sixty steps again less than twice."""
    counts = {}
    for method in ("backprop", "aca", "checkpoint"):
        counts[method] = Counts()
        counted = TorchAdapter("cpu", "float64").counted(f, counts[method])
        y0 = torch.ones(3, dtype=torch.float64, requires_grad=True)
        p = torch.ones((), dtype=torch.float64)
        odebench.backend(f"torch/rk4/{method}", num_steps=60).odeint(counted, y0, TS, p).sum().backward()
    assert [c.vjp for c in counts.values()] == [240] * 3
    assert (counts["backprop"].f, counts["aca"].f) == (240, 480)
    assert 480 < counts["checkpoint"].f < 3 * 240 + 100


def test_wrong_numbers_of_states() -> None:
    """Are named."""
    with pytest.raises(ValueError, match="at least 1, got 0"):
        gradients("checkpoint", checkpoints=0)


@pytest.mark.parametrize("method", ["aca", "checkpoint"])
@pytest.mark.parametrize("solver", ["dopri5", "kvaerno5", "adams", "trapezoid", "reversible_heun"])
def test_a_parameter_changed_before_the_backward_pass_is_an_error(solver: str, method: str) -> None:
    """The steps would be taken again with other dynamics: passed or captured, autograd refuses."""
    y0, ts = torch.tensor([0.3, -0.2], dtype=torch.float64), torch.tensor([0.0, 0.5], dtype=torch.float64)
    p = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    odeint = odebench.backend(f"torch/{solver}/{method}", num_steps=3).odeint
    for ys in (odeint(f, y0, ts, p), odeint(lambda t, y: f(t, y, p), y0, ts)):
        with torch.no_grad():
            p.mul_(2.0)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            ys.sum().backward()

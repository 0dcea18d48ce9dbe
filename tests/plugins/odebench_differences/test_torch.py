"""Central differences in torch: what they cost, how far they step, what they refuse."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import odebench
from odebench_differences.torch import bind
from odebench_rungekutta.rk4 import RK4
from odebench_torch.runge_kutta import RungeKutta

SOLVE = RungeKutta(RK4)


def f(t: Tensor, y: Tensor, p: Tensor) -> Tensor:
    return -p * y + torch.sin(t)


class Spy:
    """A solver that remembers y0 and ts of every call."""

    def __init__(self) -> None:
        self.calls: list[tuple[Tensor, Tensor]] = []

    def __call__(self, f: Any, y0: Tensor, ts: Tensor, params: Any = None, **options: Any) -> Any:
        self.calls.append((y0.clone(), ts.clone()))
        return SOLVE(f, y0, ts, params, num_steps=10)


def inputs() -> tuple[Tensor, Tensor, Tensor]:
    y0 = torch.tensor([0.5, 4.0], dtype=torch.float64, requires_grad=True)
    return y0, torch.tensor([0.0, 0.5, 0.504], dtype=torch.float64), torch.ones((), dtype=torch.float64)


def steps(**options: Any) -> list[float]:
    """How far each entry of y0 moves."""
    y0, ts, p = inputs()
    spy = Spy()
    gradient_options = {"difference_step": options.pop("difference_step")} if "difference_step" in options else {}
    bind(spy, options, **gradient_options)(f, y0, ts, p).sum().backward()
    assert len(spy.calls) == 1 + 2 * y0.numel()
    (_, *calls), base = spy.calls, y0.detach()
    moved = [(y - base)[i // 2].item() for i, (y, _) in enumerate(calls)]
    assert all(below == pytest.approx(-above, rel=1e-6) for below, above in zip(moved[::2], moved[1::2], strict=True))
    return moved[1::2]


def test_steps_are_relative_to_rounding() -> None:
    """The cube root of the resolution, whatever the solver's tolerance, or what is given; times an entry beyond 1."""
    for options, h in (
        ({"rtol": 1e-6}, 2.0 ** (-52 / 3)),
        ({"rtol": 1e-6, "num_steps": 5}, 2.0 ** (-52 / 3)),
        ({"difference_step": 1e-3}, 1e-3),
    ):
        assert steps(**options) == pytest.approx([h, 4 * h], rel=1e-6)


def test_times_stay_in_order() -> None:
    """A step as large as an interval is cut to a quarter of the smallest one."""
    y0, ts, p = inputs()
    ts.requires_grad_()
    spy = Spy()
    (slope,) = torch.autograd.grad(bind(spy, {}, difference_step=0.1)(f, y0.detach(), ts, p)[-1].sum(), ts)
    assert len(spy.calls) == 7
    assert all((times.diff() > 0).all() for _, times in spy.calls)
    ys = SOLVE(f, y0, ts, p, num_steps=10)[0]
    assert slope[2] == pytest.approx(f(ts[2], ys[-1], p).sum().item(), rel=1e-3)


def test_only_what_requires_grad_is_varied() -> None:
    """Parameters that are frozen and times that are constant cost nothing."""
    y0, ts, p = inputs()
    spy = Spy()
    p.requires_grad_()
    bind(spy, {})(f, y0.detach(), ts, p).sum().backward()
    assert len(spy.calls) == 3


@pytest.mark.parametrize("step", [0.0, -1e-3, float("inf"), float("nan")])
def test_steps_that_make_no_sense(step: float) -> None:
    """Are refused before anything is solved."""
    with pytest.raises(ValueError, match="difference_step must be positive"):
        bind(SOLVE, {}, difference_step=step)


def test_it_is_found_by_name() -> None:
    """``torch/rk4/finite_difference`` and its option; the closed form of a linear problem."""
    y0, ts, p = inputs()
    odeint = odebench.backend("torch/rk4/finite_difference", num_steps=20, difference_step=1e-4).odeint
    (slope,) = torch.autograd.grad(odeint(f, y0, ts, p)[-1].sum(), y0)
    assert torch.allclose(slope, torch.exp(-ts[-1]).expand(2), rtol=1e-6)

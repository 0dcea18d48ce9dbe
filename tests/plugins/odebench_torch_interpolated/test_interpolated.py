"""The interpolated adjoint: what it keeps, what it solves, its options, and where it is better than the adjoint."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import odebench
from odebench import Stats
from odebench_rungekutta import TABLEAUS
from odebench_torch.live_bytes import LiveBytes
from odebench_torch.runge_kutta import RungeKutta
from odebench_torch_adjoint.method import bind as adjoint
from odebench_torch_interpolated.method import bind

SOLVERS = {tableau.name: RungeKutta(tableau) for tableau in TABLEAUS}


def f(t: Tensor, y: Tensor, p: Tensor) -> Tensor:
    return torch.cos(t) * torch.tanh(p * y)


def inputs() -> tuple[Tensor, Tensor, Tensor]:
    y0 = torch.linspace(0.1, 1, 4, dtype=torch.float64).requires_grad_()
    ts = torch.tensor([0.0, 0.7, 2.0], dtype=torch.float64)
    return y0, ts, torch.tensor(1.5, dtype=torch.float64, requires_grad=True)


class Spy:
    """A dense solver that remembers its calls."""

    def __init__(self, name: str) -> None:
        self.solve, self.calls = SOLVERS[name], list[tuple[Any, dict[str, Any]]]()
        self.dense = self.solve.dense

    def __call__(self, f: Any, y0: Any, ts: Tensor, params: Any = None, **options: Any) -> tuple[Any, Stats]:
        self.calls.append((y0, options))
        return self.solve(f, y0, ts, params, **options)


def test_what_is_solved_backwards() -> None:
    """a and the parameters' cotangents, one interval after the other, by the options given; never y."""
    y0, ts, p = inputs()
    spy, other = Spy("dopri5"), Spy("rk4")
    options = {"rtol": 1e-5, "atol": 1e-6, "norm": lambda y: y.abs().max()}
    bind(spy, options, adjoint_rtol=1e-4)(f, y0, ts, p).sum().backward()
    assert len(spy.calls) == 2
    for (a, theta), given in spy.calls:
        assert (a.shape, theta.shape) == (y0.shape, ())
        assert {**given, "first_step": None} == {"rtol": 1e-4, "atol": 1e-6, "first_step": None}
    bind(spy, options, adjoint_solver=other, adjoint_num_steps=20)(f, y0, ts, p).sum().backward()
    assert len(spy.calls) == 2
    assert [given["step"] for _, given in other.calls] == [0.1, 0.1]


def test_the_seminorm_is_of_a_alone() -> None:
    """A quadrature that oscillates costs steps by default, and none with the seminorm."""
    y0, ts, p = inputs()
    wiggle = torch.zeros((), dtype=torch.float64, requires_grad=True)
    nfe = []
    for norm in (None, "seminorm"):
        calls = 0

        def wiggly(t: Tensor, y: Tensor, p: tuple[Tensor, Tensor]) -> Tensor:
            nonlocal calls
            calls += 1
            return f(t, y, p[0]) + torch.cos(30 * t) * p[1]

        ys = bind(SOLVERS["dopri5"], {"rtol": 1e-6, "atol": 1e-6}, adjoint_norm=norm)(wiggly, y0, ts, (p, wiggle))
        calls = 0
        ys.sum().backward()
        nfe.append(calls)
    assert nfe[0] > 1.5 * nfe[1]


def test_decay_that_cannot_be_solved_backwards() -> None:
    """``y' = -30 (y - cos t)`` loses its past: the adjoint's y explodes on the way back, the path does not."""
    ts = torch.tensor([0.0, 1.5], dtype=torch.float64)
    scale = torch.tensor(30.0, dtype=torch.float64, requires_grad=True)

    def decay(t: Tensor, y: Tensor, p: Tensor) -> Tensor:
        return -p * (torch.sin(y) - torch.cos(t))

    def gradient(method: Any, rtol: float) -> Tensor:
        y0 = torch.tensor([0.3], dtype=torch.float64)
        odeint = method(SOLVERS["dopri5"], {"rtol": rtol, "atol": rtol})
        (found,) = torch.autograd.grad(odeint(decay, y0, ts, scale).sum(), scale)
        return found

    expected = gradient(bind, 1e-10)
    assert (gradient(bind, 1e-6) - expected).abs() < 1e-4 * expected.abs()
    assert (gradient(adjoint, 1e-6) - expected).abs() > 1e-2 * expected.abs()


def test_what_is_kept() -> None:
    """The polynomials of the path, of rk4 four numbers a step and number of y, and no activations."""
    y0 = torch.linspace(0, 1, 1000, dtype=torch.float64).requires_grad_()
    _, ts, p = inputs()

    def peak(steps: int) -> float:
        with LiveBytes() as live:
            bind(SOLVERS["rk4"], {"num_steps": steps})(f, y0, ts[[0, 2]], p).sum().backward()
        return live.peak / 8000

    degree = len(SOLVERS["rk4"].tableau.dense[0]) if SOLVERS["rk4"].tableau.dense else 3
    assert (peak(60) - peak(20)) / 40 == pytest.approx(1 + degree, abs=0.1)


def test_options_that_make_no_sense() -> None:
    """As the adjoint's; and a solver without a path is named."""
    with pytest.raises(ValueError, match="adjoint_step or adjoint_num_steps"):
        bind(SOLVERS["dopri5"], {}, adjoint_step=0.1, adjoint_num_steps=3)
    with pytest.raises(ValueError, match=r"'seminorm'.*'semi_norm'"):
        bind(SOLVERS["dopri5"], {}, adjoint_norm="semi_norm")  # type: ignore[arg-type]


def test_it_is_found_by_name() -> None:
    """With the adjoint's options."""
    y0, ts, p = inputs()
    odeint = odebench.backend("torch/dopri5/interpolated", rtol=1e-7, atol=1e-9, adjoint_solver="tsit5").odeint
    (found,) = torch.autograd.grad(odeint(f, y0, ts, p).sum(), p)
    (expected,) = torch.autograd.grad(odebench.backend("torch/dopri5/backprop").odeint(f, y0, ts, p).sum(), p)
    assert torch.allclose(found, expected, rtol=1e-5)

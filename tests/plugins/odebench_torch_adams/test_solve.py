"""Adams methods in torch: coefficients, orders, efficiency, outputs, failures."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

import odebench
from odebench import SolveError, Status
from odebench_rungekutta.dopri5 import DOPRI5
from odebench_torch.functional.solver import Solver
from odebench_torch.runge_kutta import RungeKutta
from odebench_torch_adams.increments import increments
from odebench_torch_adams.solvers import ADAMS, ADAMS_BASHFORTH2, ADAMS_BASHFORTH4, ADAMS_MOULTON4
from odebench_torch_adams.variable_order import MAX_ORDER

FIXED = {"adams_bashforth2": ADAMS_BASHFORTH2, "adams_bashforth4": ADAMS_BASHFORTH4, "adams_moulton4": ADAMS_MOULTON4}
ORDERS = {"adams_bashforth2": 2, "adams_bashforth4": 4, "adams_moulton4": 4}
PHASES = torch.arange(4, dtype=torch.float64)


def times(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


ONE, UNIT = times(1.0), times(0.0, 1.0)


def swing(t: Tensor, y: Tensor) -> Tensor:
    """Solved by ``(exp(sin s), exp(cos s))`` with ``s = t + 0.8 sin(t + φ)``."""
    log, speed = y.log(), 1 + 0.8 * torch.cos(t + PHASES)
    return torch.stack([speed * y[0] * log[1], -speed * y[1] * log[0]])


def swung(ts: Tensor) -> Tensor:
    s = ts[:, None] + 0.8 * torch.sin(ts[:, None] + PHASES)
    return torch.stack([s.sin().exp(), s.cos().exp()], dim=1)


def rotation(t: Tensor, y: Tensor) -> Tensor:
    return torch.stack([-y[1], y[0]])


def test_coefficients_on_equal_steps() -> None:
    """They are the classical ones (HNW III.1, Tables 1.1 and 1.2)."""
    zero, one = times(0.0)[0], times(1.0)
    bashforth = increments(times(0, -1, -2, -3), zero, one)[0].sum(0)
    moulton = increments(times(1, 0, -1, -2), zero, one)[0].sum(0)
    assert torch.allclose(24 * bashforth, times(55, -59, 37, -9), atol=1e-12)
    assert torch.allclose(24 * moulton, times(9, 19, -5, 1), atol=1e-12)


def test_increments_integrate_polynomials() -> None:
    """On unequal knots q rows integrate every polynomial of degree q - 1 exactly, up to 13 knots."""
    knots = times(1.0, *(-(k**1.3) / 4 for k in range(MAX_ORDER)))
    ends = times(0.3, 1.0)
    rows = increments(knots, times(0.0)[0], ends)
    for q in (1, 2, 5, 13):
        for degree in range(q):
            integral = rows[:, :q].sum(1) @ knots**degree
            error = integral - ends ** (degree + 1) / (degree + 1)
            assert error.abs().max() < 1e-13 * max(1.0, knots.abs().max().item() ** degree)


def test_one_knot_is_euler() -> None:
    """The polynomial through one slope is constant."""
    assert torch.equal(increments(times(2.0), times(2.0)[0], times(2.0, 2.5)), times(0.0, 0.5)[:, None, None])


@torch.no_grad()
def test_the_first_step_is_heun() -> None:
    """Of order 1: predicted by Euler, corrected by the trapezoidal rule."""
    seen: list[Tensor] = []

    def f(t: Tensor, y: Tensor) -> Tensor:
        seen.append(y.clone())
        return y * y

    ADAMS(f, ONE, UNIT / 2, first_step=1e-3, rtol=1e-3, atol=1e-3)
    h = 1e-3
    assert torch.allclose(torch.cat(seen[1:3]), times(1 + h, 1 + h * (1 + (1 + h) ** 2) / 2), rtol=1e-14, atol=0)


@pytest.mark.parametrize("name", FIXED)
@torch.no_grad()
def test_order(name: str) -> None:
    """Under halving the error falls by the method's order, at the end and at outputs inside of steps."""
    n = 150
    ts = 3 * times(0.0, *((k * n // 5 + theta) / n for k, theta in ((1, 1 / 3), (2, 2 / 3), (3, 1 / 3))), 1.0)
    coarse, fine = (
        (FIXED[name](swing, swung(ts[:1])[0], ts, num_steps=count)[0] - swung(ts)).flatten(1) for count in (n, 4 * n)
    )
    for outputs in (slice(1, -1), slice(-1, None)):
        observed = math.log2(coarse[outputs].norm().item() / fine[outputs].norm().item()) / 2
        assert observed == pytest.approx(ORDERS[name], abs=0.3)


@torch.no_grad()
def test_order_on_unequal_steps() -> None:
    """Knots at unequal distances cost no order."""
    errors = []
    for n in (64, 256):
        ts = 3 * torch.linspace(0, 1, n + 1, dtype=torch.float64) ** 1.5
        errors.append((ADAMS_BASHFORTH4(swing, swung(ts[:1])[0], ts)[0] - swung(ts))[-1].norm().item())
    assert math.log2(errors[0] / errors[1]) / 2 == pytest.approx(4, abs=0.4)


@pytest.mark.parametrize("tolerance", [1e-3, 1e-6, 1e-9, 1e-12])
@torch.no_grad()
def test_adaptive_error_is_that_of_the_tolerance(tolerance: float) -> None:
    """At outputs between the steps and at the end, in both directions."""
    for sign in (1, -1):
        ts = sign * times(0, 0.5, 1.3, 2, 4)
        ys, stats = ADAMS(swing, swung(ts[:1])[0], ts, rtol=tolerance, atol=tolerance)
        assert (ys - swung(ts)).abs().max().item() < 100 * tolerance
        assert stats.nfe == 2 + 2 * (stats.accepted + stats.rejected)


@torch.no_grad()
def test_fewer_evaluations_than_a_runge_kutta_method() -> None:
    """At tight tolerances high orders are reached, and pay: half of dopri5's evaluations, for no larger an error."""
    ts, tolerance = times(0, 8), 1e-9
    reference = swung(ts)[-1]
    ys, stats = ADAMS(swing, swung(ts[:1])[0], ts, rtol=tolerance, atol=tolerance)
    other, runge_kutta = RungeKutta(DOPRI5)(swing, swung(ts[:1])[0], ts, rtol=tolerance, atol=tolerance)
    assert stats.nfe < runge_kutta.nfe / 2
    assert (ys[-1] - reference).abs().max() < 10 * (other[-1] - reference).abs().max()


@torch.no_grad()
def test_a_first_step_that_is_far_too_large_is_recovered_from() -> None:
    """Failing at order 1 ends neither the rise of the order nor the accuracy."""
    ts = times(0, 2)
    free = ADAMS(swing, swung(ts[:1])[0], ts, rtol=1e-8, atol=1e-8)[1]
    ys, stats = ADAMS(swing, swung(ts[:1])[0], ts, rtol=1e-8, atol=1e-8, first_step=1.0)
    assert stats.rejected > 0
    assert stats.nfe < 2 * free.nfe
    assert torch.allclose(ys[-1], swung(ts)[-1], atol=1e-6)


@pytest.mark.parametrize("name", [*FIXED, "adams"])
@pytest.mark.parametrize("options", [{}, {"step": 0.3}, {"num_steps": 11}], ids=["free", "step", "num_steps"])
@torch.no_grad()
def test_times(name: str, options: dict[str, Any]) -> None:
    """f is called from ts[0] to ts[-1] and never outside, nfe times; in float32, too."""
    solve = FIXED.get(name, ADAMS)
    for sign in (1, -1):
        for dtype in (torch.float32, torch.float64):
            seen: list[float] = []

            def f(t: Tensor, y: Tensor, seen: list[float] = seen) -> Tensor:
                seen.append(t.item())
                return rotation(t, y)

            ts = sign * torch.tensor([0.1, 0.4, 1.3, 2.7], dtype=dtype)
            ys, stats = solve(f, torch.tensor([1.0, 0.0], dtype=dtype), ts, rtol=1e-4, atol=1e-4, **options)
            assert stats.nfe == len(seen)
            assert ys.dtype == dtype
            assert max(sign * t for t in seen) == sign * ts[-1].item()
            assert min(sign * t for t in seen) == sign * ts[0].item()


@torch.no_grad()
def test_trees_and_norms() -> None:
    """A tree is solved leaf by leaf; a norm that looks at one leaf controls that leaf's error alone."""
    y0 = {"slow": times(1.0), "fast": (times(1.0),)}

    def f(t: Tensor, y: dict[str, Any], k: Tensor) -> dict[str, Any]:
        return {"slow": -k * y["slow"], "fast": (torch.cos(50 * t) * y["fast"][0],)}

    ys, both = ADAMS(f, y0, times(0, 2), times(0.5)[0], rtol=1e-6, atol=1e-6)
    assert torch.allclose(ys["slow"][-1], times(-1.0).exp(), atol=1e-4)
    assert torch.allclose(ys["fast"][0][-1], (torch.sin(times(100.0)) / 50).exp(), atol=1e-4)
    slow = ADAMS(f, y0, times(0, 2), times(0.5)[0], rtol=1e-6, atol=1e-6, norm=lambda e: e["slow"].abs().max())[1]
    assert slow.nfe < both.nfe / 2


@pytest.mark.parametrize("solve", [ADAMS, *FIXED.values()], ids=["adams", *FIXED])
def test_dense(solve: Solver) -> None:
    """The path goes through every output, and is as good between them."""
    ts = times(0, 0.4, 1.1, 2)
    options: dict[str, Any] = {"rtol": 1e-8, "atol": 1e-8} if solve is ADAMS else {"num_steps": 400}
    ys, _, path = solve.dense(swing, swung(ts[:1])[0], ts, **options)
    for t, y in zip(ts, ys, strict=True):
        assert torch.allclose(path(t), y, rtol=1e-11, atol=1e-11)
    between = torch.linspace(0, 2, 41, dtype=torch.float64)
    bound = 1e-3 if solve is ADAMS_BASHFORTH2 else 1e-6
    assert (torch.stack([path(t) for t in between]) - swung(between)).abs().max() < bound


def failure(solve: Solver, f: Any, ts: Tensor, **options: Any) -> SolveError:
    with pytest.raises(SolveError) as raised:
        solve(f, ONE, ts, **options)
    return raised.value


def test_failures() -> None:
    """A singularity underflows, steps run out, NaN dynamics are told from both; a stiff problem runs out of steps."""
    error = failure(ADAMS, lambda t, y: y * y, 2 * UNIT)
    assert (error.status, error.t) == (Status.underflow, pytest.approx(1.0, abs=1e-3))
    error = failure(ADAMS, lambda t, y: torch.where(t > 0.5, torch.nan, -y), UNIT)
    assert (error.status, error.t) == (Status.non_finite, pytest.approx(0.5, abs=1e-6))
    error = failure(ADAMS_MOULTON4, lambda t, y: torch.where(t > 0.5, torch.nan, -y), times(0, 0.4, 1), step=0.1)
    assert (error.status, error.t) == (Status.non_finite, 0.4)
    for solve, options in ((ADAMS, {}), (ADAMS_BASHFORTH4, {"step": 1e-3})):
        error = failure(solve, lambda t, y: torch.cos(500 * t) * y, UNIT, max_steps=5, **options)
        assert error.status == Status.max_steps
    error = failure(ADAMS, lambda t, y: -1e6 * (y - torch.cos(t)), UNIT, max_steps=500, rtol=1e-4, atol=1e-4)
    assert error.status == Status.max_steps
    error = failure(ADAMS, lambda t, y: torch.cos(500 * t) * y, UNIT, min_step=0.1)
    assert error.status == Status.underflow


@pytest.mark.parametrize("name", [*FIXED, "adams"])
def test_registered(name: str) -> None:
    """Each is a backend of torch with every gradient method."""
    info = odebench.backend(f"torch/{name}/backprop").info.solver
    assert (info.order, info.adaptive, info.implicit) == (ORDERS.get(name), name == "adams", False)

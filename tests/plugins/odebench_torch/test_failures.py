"""What the torch engine does with problems it cannot solve and arguments that make no sense."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import odebench
from odebench import SolveError, Status
from odebench_rungekutta import TABLEAUS
from odebench_torch.runge_kutta import RungeKutta

SOLVERS = {tableau.name: RungeKutta(tableau) for tableau in TABLEAUS}
ONE = torch.ones(1, dtype=torch.float64)
UNIT = torch.tensor([0.0, 1.0], dtype=torch.float64)


def decay(t: Tensor, y: Tensor) -> Tensor:
    return -y


def failure(solver: str, f: Any, ts: Tensor, **options: Any) -> SolveError:
    with pytest.raises(SolveError) as raised:
        SOLVERS[solver](f, ONE, ts, **options)
    return raised.value


@pytest.mark.parametrize("options", [{}, {"step": 1e-3}], ids=["adaptive", "fixed"])
def test_max_steps(options: dict[str, Any]) -> None:
    """max_steps bounds the attempts."""
    calls = 0

    def f(t: Tensor, y: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        return torch.cos(500 * t) * y

    error = failure("dopri5", f, UNIT, max_steps=5, **options)
    assert error.status == Status.max_steps
    assert calls <= 2 + 6 * 5


def test_underflow_at_a_singularity() -> None:
    """y' = y² from 1 blows up at t = 1: the step underflows there."""
    error = failure("dopri5", lambda t, y: y * y, 2 * UNIT)
    assert error.status == Status.underflow
    assert error.t == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("options", [{"step": 1e-12}, {"step": 1e-320}, {"num_steps": 10**12}])
def test_a_tiny_step_is_refused_at_once(options: dict[str, Any]) -> None:
    """More knots than max_steps are not even listed; nothing is reached."""
    error = failure("rk4", decay, UNIT, **options)
    assert (error.status, error.t) == (Status.max_steps, 0.0)


def test_min_step_is_a_floor() -> None:
    """Where the controller would step less than it must, and the error allows it, it steps min_step."""
    ys, stats = SOLVERS["dopri5"](decay, ONE, UNIT, rtol=1e-9, atol=1e-9, min_step=0.01)
    assert torch.allclose(ys[-1], torch.exp(-UNIT[-1:]), atol=1e-8)
    assert stats.next_step >= 0.01
    for options in ({"first_step": 1e-5}, {}):
        _, stats = SOLVERS["dopri5"](decay, ONE, UNIT, rtol=1e-3, atol=1e-3, min_step=0.25, **options)
        assert stats.accepted <= 4


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_a_zero_without_atol(dtype: torch.dtype) -> None:
    """With atol = 0, an error of 0 in a component that is 0 is no error, and one that leaves 0 is no NaN of f."""
    y0, ts = torch.tensor([0.0, 1.0], dtype=dtype), UNIT.to(dtype)
    ys, _ = SOLVERS["dopri5"](decay, y0, ts, rtol=1e-4, atol=0.0)
    assert torch.allclose(ys[-1], y0 * torch.exp(-ts[-1]), rtol=1e-3)
    ys, _ = SOLVERS["dopri5"](lambda t, y: torch.ones_like(y), y0, ts, rtol=1e-4, atol=0.0)
    assert torch.allclose(ys[-1], y0 + 1)


def test_min_step() -> None:
    """To need a step below min_step is an underflow."""
    error = failure("dopri5", lambda t, y: torch.cos(500 * t) * y, UNIT, min_step=0.05)
    assert error.status == Status.underflow


@pytest.mark.parametrize("solver", ["dopri5", "fehlberg45", "rk4"])
def test_non_finite_from_the_start(solver: str) -> None:
    """Dynamics that are NaN at t0 are reported as such."""
    assert failure(solver, lambda t, y: y * torch.nan, UNIT).status == Status.non_finite


@pytest.mark.parametrize("solver", ["dopri5", "fehlberg45"])
def test_non_finite_from_some_time_on(solver: str) -> None:
    """Steps shrink towards the time from which on f is NaN, and then give up there."""
    error = failure(solver, lambda t, y: -y if t < 0.5 else y * torch.nan, UNIT)
    assert error.status == Status.non_finite
    assert error.t == pytest.approx(0.5, abs=1e-6)


def test_non_finite_trial_is_a_rejection() -> None:
    """A stage where f is not finite shrinks the step; the solve goes on."""
    ts = torch.tensor([0.0, 0.9], dtype=torch.float64)
    ys, stats = SOLVERS["dopri5"](lambda t, y: -0.5 / torch.sqrt(1 - t + 0 * y), ONE, ts, first_step=0.9, rtol=1e-8)
    assert torch.allclose(ys[-1], torch.sqrt(1 - ts[-1]), atol=1e-6)
    ys, stats = SOLVERS["dopri5"](lambda t, y: torch.where(y > 0, -y, torch.nan), ONE, 8 * UNIT, first_step=8.0)
    assert stats.rejected > 0
    assert torch.allclose(ys[-1], torch.exp(-8 * UNIT[-1:]), atol=1e-6)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"rtol": -1.0}, "rtol"),
        ({"atol": -1.0}, "atol"),
        ({"atol": float("nan")}, "atol"),
        ({"rtol": 0.0, "atol": 0.0}, "rtol and atol"),
        ({"step": 0.0}, "step"),
        ({"num_steps": 0}, "num_steps"),
        ({"num_steps": 3, "step": 0.1}, "step or num_steps"),
        ({"max_steps": 0}, "max_steps"),
        ({"min_step": -1.0}, "min_step"),
        ({"first_step": -0.1}, "first_step"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, Any], word: str) -> None:
    """The message names the option."""
    with pytest.raises(ValueError, match=word):
        SOLVERS["dopri5"](decay, ONE, UNIT, **options)


@pytest.mark.parametrize(("ts", "index"), [([0.0, 1.0, 1.0], 2), ([0.0, 2.0, 1.0, 3.0], 2), ([1.0, 1.0], 1)])
def test_times_must_be_strictly_monotone(ts: list[float], index: int) -> None:
    """The message says where they are not."""
    with pytest.raises(ValueError, match=rf"ts\[{index}\]"):
        SOLVERS["dopri5"](decay, ONE, torch.tensor(ts))


@pytest.mark.parametrize("ts", [torch.zeros(0), torch.zeros(2, 2), torch.tensor(1.0)])
def test_times_must_be_a_vector(ts: Tensor) -> None:
    """No times, or a matrix of them, are refused."""
    with pytest.raises(ValueError, match="vector"):
        SOLVERS["dopri5"](decay, ONE, ts)


@pytest.mark.parametrize("y0", [torch.ones(2, dtype=torch.int64), torch.ones(2, dtype=torch.complex64), (), (1.0,)])
def test_states_must_be_real_tensors(y0: Any) -> None:
    """Integers, complex numbers, no tensor at all: a TypeError that names y0."""
    with pytest.raises(TypeError, match="y0"):
        SOLVERS["dopri5"](decay, y0, UNIT)


def test_leaves_must_be_alike() -> None:
    """A state of two dtypes is refused."""
    with pytest.raises(TypeError, match="float32"):
        SOLVERS["dopri5"](decay, (ONE, ONE.float()), UNIT)


@pytest.mark.parametrize(
    ("f", "kind", "words"),
    [
        (lambda t, y: y.repeat(2), ValueError, r"got \(2,\), expected \(1,\)"),
        (lambda t, y: y.sum(), ValueError, r"got \(\), expected \(1,\)"),
        (lambda t, y: y.float(), TypeError, "got torch.float32, expected torch.float64"),
        (lambda t, y: (y,), ValueError, "structure"),
        (lambda t, y: [1.0], ValueError, "structure"),
    ],
)
def test_derivative_must_be_like_the_state(f: Any, kind: type[Exception], words: str) -> None:
    """A dy/dt of another shape, dtype or structure is refused, not broadcast or cast."""
    with pytest.raises(kind, match=words):
        SOLVERS["dopri5"](f, ONE, UNIT)


def test_derivative_leaves_must_be_tensors() -> None:
    """A number within a tree is refused."""
    with pytest.raises(TypeError, match="float"):
        SOLVERS["dopri5"](lambda t, y: (1.0,), (ONE,), UNIT)


@pytest.mark.parametrize(
    ("ts", "index"), [([0.0, float("inf")], 1), ([float("nan"), 1.0], 0), ([float("-inf"), 0.0], 0)]
)
def test_times_must_be_finite(ts: list[float], index: int) -> None:
    """The message says which is not."""
    with pytest.raises(ValueError, match=rf"finite.*ts\[{index}\]"):
        SOLVERS["dopri5"](decay, ONE, torch.tensor(ts))


@pytest.mark.parametrize("solver", ["rk4", "dopri5", "adams"])
def test_a_state_changed_in_place_is_an_error(solver: str) -> None:
    """Not a wrong answer. Where versions are not tracked, f that behaves is solved as ever."""
    odeint = odebench.backend(f"torch/{solver}/backprop", num_steps=4).odeint
    with torch.no_grad(), pytest.raises(ValueError, match="in place"):
        odeint(lambda t, y: y.mul_(-1.0), ONE.clone(), UNIT)
    with torch.inference_mode():
        found = odeint(decay, ONE * 1.0, UNIT)
    assert torch.equal(found, odeint(decay, ONE, UNIT))

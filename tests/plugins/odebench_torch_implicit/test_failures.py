"""What the implicit engine does with problems it cannot solve and arguments that make no sense."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from odebench import SolveError, Status
from odebench_implicit import TABLEAUS
from odebench_torch_implicit.engine import ImplicitRungeKutta

SOLVERS = {tableau.name: ImplicitRungeKutta(tableau) for tableau in TABLEAUS}
KRYLOV = ImplicitRungeKutta(TABLEAUS[-1], dense_up_to=0)
ONE = torch.ones(1, dtype=torch.float64)
UNIT = torch.tensor([0.0, 1.0], dtype=torch.float64)
ADAPTIVE = [tableau.name for tableau in TABLEAUS if tableau.adaptive]


def failure(solve: ImplicitRungeKutta, f: Any, ts: Tensor, **options: Any) -> SolveError:
    with pytest.raises(SolveError) as raised:
        solve(f, ONE, ts, **options)
    return raised.value


def breaks(t: Tensor, y: Tensor) -> Tensor:
    return torch.where(t > 0.5, torch.nan, -y)


@pytest.mark.parametrize("options", [{"rtol": 1e-9}, {"step": 1e-3}], ids=["adaptive", "fixed"])
def test_max_steps(options: dict[str, Any]) -> None:
    """max_steps bounds the attempts."""
    error = failure(SOLVERS["kvaerno5"], lambda t, y: torch.cos(500 * t) * y, UNIT, max_steps=5, **options)
    assert error.status == Status.max_steps
    assert error.t is not None
    assert error.t < 1


@pytest.mark.parametrize("name", ADAPTIVE)
def test_underflow_at_a_singularity(name: str) -> None:
    """y' = y² from 1 blows up at t = 1: the step underflows there."""
    error = failure(SOLVERS[name], lambda t, y: y * y, 2 * UNIT, rtol=1e-4, atol=1e-4, min_step=1e-9)
    assert error.status == Status.underflow
    assert error.t == pytest.approx(1.0, abs=1e-2)


@pytest.mark.parametrize("name", ["backward_euler", "implicit_midpoint", "trapezoid", "kvaerno4"])
def test_fixed_steps_without_a_solution(name: str) -> None:
    """The same in steps of 1/10, where the stages have no real solution any more: it says so."""
    error = failure(SOLVERS[name], lambda t, y: y * y, 2 * UNIT, step=0.1)
    assert error.status == Status.underflow
    assert "smaller steps" in error.__notes__[0]
    assert error.t is not None
    assert 0.4 < error.t < 1.1


@pytest.mark.parametrize("solve", [SOLVERS["kvaerno3"], KRYLOV], ids=["dense", "krylov"])
@pytest.mark.parametrize("options", [{}, {"num_steps": 10}], ids=["adaptive", "fixed"])
def test_dynamics_that_break(solve: ImplicitRungeKutta, options: dict[str, Any]) -> None:
    """NaN dynamics are no underflow, and nothing before them is lost."""
    error = failure(solve, breaks, UNIT, **options)
    assert error.status == Status.non_finite
    assert error.t is not None
    assert 0.3 < error.t <= 0.5


def test_newton_that_fails_makes_the_step_smaller() -> None:
    """A first step that no iteration can make is tried again, smaller, and the solution is right."""

    def f(t: Tensor, y: Tensor) -> Tensor:
        return y * y

    ys, stats = SOLVERS["kvaerno4"](f, ONE, UNIT / 2, rtol=1e-6, atol=1e-6, first_step=0.5, max_steps=200)
    assert stats.rejected > 0
    assert ys[-1].item() == pytest.approx(2.0, abs=1e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rtol": -1.0}, "rtol"),
        ({"rtol": 0.0, "atol": 0.0}, "both 0"),
        ({"step": 0.1, "num_steps": 3}, "not both"),
        ({"num_steps": 0}, "num_steps"),
        ({"max_steps": 0}, "max_steps"),
        ({"checkpoints": 0}, "checkpoints"),
        ({"checkpoints": "some"}, "checkpoints"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, Any], message: str) -> None:
    """They are named."""
    with pytest.raises(ValueError, match=message):
        SOLVERS["kvaerno3"](lambda t, y: -y, ONE, UNIT, **options)


def test_arguments_that_make_no_sense() -> None:
    """Times, states and derivatives are checked as the explicit engine checks them."""
    solve = SOLVERS["kvaerno3"]
    with pytest.raises(ValueError, match="strictly monotone"):
        solve(lambda t, y: -y, ONE, torch.tensor([0.0, 1.0, 1.0]))
    with pytest.raises(TypeError, match="real and floating-point"):
        solve(lambda t, y: -y, torch.ones(1, dtype=torch.int64), UNIT)
    with pytest.raises(ValueError, match="shape of y"):
        solve(lambda t, y: torch.ones(2, dtype=torch.float64), ONE, UNIT)
    with pytest.raises(TypeError, match="dtype of y"):
        solve(lambda t, y: -y.float(), ONE, UNIT)


@pytest.mark.parametrize("name", ["kvaerno5", "trapezoid"])
def test_an_empty_state(name: str) -> None:
    """Is named, with the solver."""
    with pytest.raises(ValueError, match=f"y0 is empty: {name}"):
        SOLVERS[name](lambda t, y: -y, torch.ones(0, dtype=torch.float64), UNIT)

"""Gradients of the Adams methods: against differences, between all ways to have them, and against the adjoint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

import odebench
from odebench_torch.functional.solver import Solver
from odebench_torch_adams.increments import _gauss
from odebench_torch_adams.solvers import ADAMS, ADAMS_BASHFORTH2, ADAMS_BASHFORTH4, ADAMS_MOULTON4

SOLVERS = {s.__name__: s for s in (ADAMS_BASHFORTH2, ADAMS_BASHFORTH4, ADAMS_MOULTON4, ADAMS)}
MODES: dict[str, dict[str, Any]] = {"num_steps": {"num_steps": 7}, "step": {"step": 0.23}, "outputs": {}}
WEIGHTS = torch.randn(4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def inputs() -> list[Tensor]:
    """y0, ts and a matrix."""
    generator = torch.Generator().manual_seed(0)
    matrix = torch.randn(3, 3, dtype=torch.float64, generator=generator)
    y0 = torch.randn(3, dtype=torch.float64, generator=generator)
    return [x.requires_grad_() for x in (y0, torch.tensor([0.0, 0.3, 1.1, 2.0], dtype=torch.float64), matrix)]


def f(t: Tensor, y: Tensor, w: Tensor) -> Tensor:
    return torch.tanh(w @ y) * torch.cos(t) - y + 0.3 * t


def loss(solve: Solver, xs: Sequence[Tensor], **options: Any) -> Tensor:
    ys, _ = solve(f, *xs, **options)
    return (ys * WEIGHTS).sum()


def same(one: Sequence[Tensor], other: Sequence[Tensor], tolerance: float = 1e-12) -> None:
    for x, y in zip(one, other, strict=True):
        assert (x - y).abs().max().item() <= tolerance


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", [name for name in SOLVERS if name != "adams"])
def test_against_differences(name: str, mode: str) -> None:
    """On fixed steps the gradient in y0, ts and the parameters is that of the discrete map."""
    solve, xs, h = SOLVERS[name], inputs(), 1e-3
    gradient = torch.autograd.grad(loss(solve, xs, **MODES[mode]), xs)
    for k in range(3):  # y0, ts and the parameters apart
        direction = torch.randn(xs[k].shape, dtype=torch.float64, generator=torch.Generator().manual_seed(k))

        def along(s: float, k: int = k, direction: Tensor = direction) -> float:
            moved = [x + s * h * direction if i == k else x for i, x in enumerate(xs)]
            with torch.no_grad():
                return loss(solve, moved, **MODES[mode]).item()

        difference = (8 * (along(1) - along(-1)) - (along(2) - along(-2))) / (12 * h)
        assert (gradient[k] * direction).sum().item() == pytest.approx(difference, abs=1e-7)


@pytest.mark.parametrize("name", SOLVERS)
@pytest.mark.parametrize("checkpoints", ["all", 1, 4])
def test_checkpoints(name: str, checkpoints: int | str) -> None:
    """The steps that are taken again are what they were, in size and order."""
    options = {"rtol": 1e-5, "atol": 1e-5, "first_step": 0.5} if name == "adams" else {"num_steps": 9}
    solve, xs = SOLVERS[name], inputs()
    expected = torch.autograd.grad(loss(solve, xs, **options), xs)
    ys, stats = solve(f, *xs, checkpoints=checkpoints, **options)
    assert (stats.rejected > 0) == (name == "adams")
    same(torch.autograd.grad((ys * WEIGHTS).sum(), xs), expected)


def test_gradient_of_interior_outputs_and_times() -> None:
    """At a tight tolerance the adaptive method's is the continuous gradient, and so is the adjoint by it."""
    found = []
    for backend in ("torch/adams/backprop", "torch/adams/adjoint", "torch/dopri8/adjoint"):
        odeint = odebench.backend(backend, rtol=1e-9, atol=1e-9).odeint
        xs = inputs()
        found.append(torch.autograd.grad((odeint(f, *xs) * WEIGHTS).sum(), xs))
    same(found[0], found[2], 1e-7)
    same(found[1], found[2], 1e-7)


@pytest.mark.parametrize("name", ["adams_bashforth2", "adams_bashforth4", "adams_moulton4"])
def test_adjoint_of_fixed_steps(name: str) -> None:
    """It comes closer to the exact gradient as steps shrink."""
    errors = []
    exact = None
    for backend, options in (
        ("torch/dopri5/adjoint", {"rtol": 1e-9, "atol": 1e-9}),
        (f"torch/{name}/adjoint", {"num_steps": 25}),
        (f"torch/{name}/adjoint", {"num_steps": 50}),
    ):
        xs = inputs()
        gradient = torch.autograd.grad((odebench.backend(backend, **options).odeint(f, *xs) * WEIGHTS).sum(), xs)
        exact = exact or gradient
        errors.append(sum((x - y).norm().item() for x, y in zip(gradient, exact, strict=True)))
    assert errors[2] < errors[1] / 3


@pytest.mark.parametrize("checkpoints", [None, "all"])
def test_captured_tensors(checkpoints: str | None) -> None:
    """A tensor that f has captured gets the gradient that it gets as a parameter."""
    y0, ts, w = inputs()
    passed, _ = ADAMS(f, y0, ts, w, rtol=1e-5, atol=1e-5)
    captured, _ = ADAMS(lambda t, y: f(t, y, w), y0, ts, rtol=1e-5, atol=1e-5, checkpoints=checkpoints)
    of = [y0, ts, w]
    same(torch.autograd.grad((captured * WEIGHTS).sum(), of), torch.autograd.grad((passed * WEIGHTS).sum(), of))


def test_second_derivatives() -> None:
    """Recorded steps can be differentiated twice; steps that are taken again refuse."""
    xs = inputs()
    (first,) = torch.autograd.grad(loss(ADAMS_BASHFORTH4, xs, num_steps=6), xs[0], create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), xs[0])
    assert second.abs().max() > 1e-3
    with pytest.raises(RuntimeError, match="create_graph=True"):
        torch.autograd.grad(loss(ADAMS_BASHFORTH4, xs, num_steps=6, checkpoints="all"), xs[0], create_graph=True)


def test_a_solve_in_inference_mode_spoils_no_later_one() -> None:
    """What it leaves in a cache can be differentiated through."""
    _gauss.cache_clear()
    with torch.inference_mode():
        kept = _gauss(3)
    assert not any(x.is_inference() for x in kept)

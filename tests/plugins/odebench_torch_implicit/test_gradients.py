"""Gradients of the implicit engine: against differences, between all ways to have them, and against the adjoint."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

import odebench
from odebench.adapter import Counts
from odebench_implicit import TABLEAUS
from odebench_torch.adapter import TorchAdapter
from odebench_torch_implicit.engine import ImplicitRungeKutta

TABLES = {tableau.name: tableau for tableau in TABLEAUS}
MODES: dict[str, dict[str, Any]] = {"num_steps": {"num_steps": 3}, "step": {"step": 0.8}, "outputs": {}}
WEIGHTS = torch.randn(4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def inputs() -> list[Tensor]:
    """y0, ts and a matrix."""
    generator = torch.Generator().manual_seed(0)
    matrix = torch.randn(3, 3, dtype=torch.float64, generator=generator)
    y0 = torch.randn(3, dtype=torch.float64, generator=generator)
    return [x.requires_grad_() for x in (y0, torch.tensor([0.0, 0.3, 1.1, 2.0], dtype=torch.float64), matrix)]


def f(t: Tensor, y: Tensor, w: Tensor) -> Tensor:
    return torch.tanh(w @ y) * torch.cos(t) - y + 0.3 * t


def loss(solve: Callable[..., Any], xs: Sequence[Tensor], **options: Any) -> Tensor:
    return (solve(f, *xs, **options)[0] * WEIGHTS).sum()


def same(one: Sequence[Tensor], other: Sequence[Tensor], tolerance: float = 1e-12) -> None:
    for x, y in zip(one, other, strict=True):
        assert (x - y).abs().max().item() <= tolerance


@torch.no_grad()
def differences(solve: Callable[..., Any], xs: Sequence[Tensor], direction: Sequence[Tensor], **options: Any) -> float:
    """The derivative along a direction, by the central difference of fourth order."""
    h = 1e-3
    near, far = (
        sum(
            s * loss(solve, [x + s * m * h * d for x, d in zip(xs, direction, strict=True)], **options) for s in (1, -1)
        )
        for m in (1, 2)
    )
    return float((8 * near - far) / (12 * h))


CASES = [(name, 64, "num_steps") for name in TABLES]
CASES += [(name, 64, mode) for name in ("implicit_midpoint", "sdirk2") for mode in ("step", "outputs")]
CASES += [(name, 0, "step") for name in ("backward_euler", "implicit_midpoint", "kvaerno4", "kvaerno5")]


@pytest.mark.parametrize(("name", "dense_up_to", "mode"), CASES)
def test_against_differences(name: str, dense_up_to: int, mode: str) -> None:
    """On fixed steps the gradient in y0, ts and the parameters is that of the discrete map."""
    solve, xs = ImplicitRungeKutta(TABLES[name], dense_up_to), inputs()
    gradient = torch.autograd.grad(loss(solve, xs, **MODES[mode]), xs)
    for k in range(3):  # y0, ts and the parameters apart
        generator = torch.Generator().manual_seed(k)
        direction = [
            torch.randn(x.shape, dtype=x.dtype, generator=generator) if i == k else torch.zeros_like(x)
            for i, x in enumerate(xs)
        ]
        along = (gradient[k] * direction[k]).sum().item()
        assert along == pytest.approx(differences(solve, xs, direction, **MODES[mode]), abs=1e-7)


@pytest.mark.parametrize("name", ["kvaerno4", "implicit_midpoint", "kvaerno5"])
@pytest.mark.parametrize("dense_up_to", [64, 0], ids=["dense", "krylov"])
@pytest.mark.parametrize("checkpoints", ["all", 1, 3])
def test_checkpoints(name: str, dense_up_to: int, checkpoints: int | str) -> None:
    """The steps that are taken again are what they were: kept Jacobians, rejected steps, interior outputs."""
    options = {"rtol": 1e-4, "atol": 1e-4, "first_step": 2.0} if TABLES[name].adaptive else {"num_steps": 9}
    solve, xs = ImplicitRungeKutta(TABLES[name], dense_up_to), inputs()
    expected = torch.autograd.grad(loss(solve, xs, **options), xs)
    ys, stats = solve(f, *xs, checkpoints=checkpoints, **options)
    assert stats.rejected > 0 or name != "kvaerno4"
    same(torch.autograd.grad((ys * WEIGHTS).sum(), xs), expected)


@pytest.mark.parametrize("name", ["kvaerno3", "kvaerno5", "backward_euler"])
def test_krylov_gradient_is_the_dense_one(name: str) -> None:
    """The transposed systems are solved to rounding either way."""
    xs = inputs()
    one, other = (torch.autograd.grad(loss(ImplicitRungeKutta(TABLES[name], n), xs, num_steps=4), xs) for n in (64, 0))
    same(one, other, 1e-10)


@pytest.mark.parametrize("name", ["kvaerno4", "kvaerno5"])
def test_adjoint_agrees_with_backprop(name: str) -> None:
    """At a tight tolerance they are one; the adjoint's own dynamics have no graph to take a Jacobian of."""
    found = []
    for method in ("adjoint", "backprop"):
        odeint = odebench.backend(f"torch/{name}/{method}", rtol=1e-7, atol=1e-7).odeint
        xs = inputs()
        found.append(torch.autograd.grad((odeint(f, *xs) * WEIGHTS).sum(), xs))
    same(*found, 1e-5)


@pytest.mark.parametrize("name", [name for name, tableau in TABLES.items() if not tableau.adaptive])
def test_adjoint_of_fixed_steps(name: str) -> None:
    """The others come closer to the continuous gradient with smaller steps, at their order."""

    def gradient(backend: str, **options: Any) -> Sequence[Tensor]:
        xs = inputs()
        ys = odebench.backend(backend, **options).odeint(f, *xs)
        return torch.autograd.grad((ys * WEIGHTS).sum(), xs)

    reference = gradient("torch/dopri5/adjoint", rtol=1e-9, atol=1e-9)
    errors = []
    for n in (10, 20):
        found = gradient(f"torch/{name}/adjoint", num_steps=n)
        errors.append(sum((x - y).norm().item() for x, y in zip(found, reference, strict=True)))
    assert errors[1] < errors[0] * 0.7 ** TABLES[name].order


@pytest.mark.parametrize("checkpoints", [None, "all"])
def test_captured_tensors(checkpoints: str | None) -> None:
    """A tensor that f has captured gets the gradient that it gets as a parameter, from a late branch, too."""
    y0, ts, w = inputs()
    late = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    solve = ImplicitRungeKutta(TABLES["kvaerno3"])

    def g(t: Tensor, y: Tensor, w: Tensor, late: Tensor) -> Tensor:
        return f(t, y, w) * late if t > 1 else f(t, y, w)

    passed, _ = solve(lambda t, y, p: g(t, y, *p), y0, ts, (w, late), num_steps=6)
    captured, _ = solve(lambda t, y: g(t, y, w, late), y0, ts, num_steps=6, checkpoints=checkpoints)
    of = [y0, ts, w, late]
    same(torch.autograd.grad((captured * WEIGHTS).sum(), of), torch.autograd.grad((passed * WEIGHTS).sum(), of), 1e-11)


def test_module() -> None:
    """A module's own parameters get what they get when they are passed."""
    net = torch.nn.Linear(3, 3, dtype=torch.float64)

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = net

        def forward(self, t: Tensor, y: Tensor) -> Tensor:
            return torch.tanh(self.layer(y))

    y0, ts, _ = inputs()
    solve, module = ImplicitRungeKutta(TABLES["kvaerno3"]), Net()
    expected = None
    for params, checkpoints in ((None, None), (dict(module.named_parameters()), None), (None, "all")):
        ys, _ = solve(module, y0, ts, params, num_steps=5, checkpoints=checkpoints)
        gradient = torch.autograd.grad((ys * WEIGHTS).sum(), [y0, *net.parameters()])
        same(gradient, expected or gradient)
        expected = gradient


def test_a_parameter_that_is_not_used() -> None:
    """Its gradient is zero or None, no error; nor are constant dynamics one."""
    y0, ts, w = inputs()
    solve = ImplicitRungeKutta(TABLES["kvaerno3"])
    for checkpoints in (None, "all"):
        ys, _ = solve(lambda t, y, p: torch.ones_like(y), y0, ts, w, num_steps=4, checkpoints=checkpoints)
        dy, dt, dw = torch.autograd.grad(ys[-1].sum(), [y0, ts, w], materialize_grads=True, allow_unused=True)
        assert torch.allclose(dy, torch.ones_like(y0))
        assert torch.allclose(dt, torch.tensor([-3.0, 0, 0, 3.0], dtype=torch.float64))
        assert not dw.any()


def test_nothing_is_left_by_newton() -> None:
    """The backward pass evaluates f no more, and goes once through every stage, beside the matrices of n VJPs."""
    adapter, counts = TorchAdapter("cpu", "float64"), Counts()
    xs = inputs()
    _, ts, w = (x.detach() for x in xs)
    ys, stats = ImplicitRungeKutta(TABLES["backward_euler"])(
        adapter.counted(f, counts), xs[0], ts[[0, 3]], w, num_steps=4
    )
    assert counts.f == stats.nfe
    before = counts.vjp
    torch.autograd.grad(ys[-1].sum(), xs[0])
    assert counts.f == stats.nfe
    assert 4 < counts.vjp - before <= 4 * (3 + 1)


def test_backward_twice_and_second_derivatives() -> None:
    """The graph can be kept, is freed otherwise, and a second derivative is refused."""
    for checkpoints in (None, "all"):
        xs = inputs()
        value = loss(ImplicitRungeKutta(TABLES["kvaerno3"]), xs, num_steps=3, checkpoints=checkpoints)
        first = torch.autograd.grad(value, xs, retain_graph=True)
        same(torch.autograd.grad(value, xs, retain_graph=True), first)
        with pytest.raises(RuntimeError, match="create_graph=True"):
            torch.autograd.grad(value, xs, create_graph=True)
        torch.autograd.grad(value, xs)
        with pytest.raises(RuntimeError, match="second time"):
            torch.autograd.grad(value, xs)


def test_nothing_to_differentiate() -> None:
    """With grad enabled but nothing that requires it, under no_grad and in inference mode the result is the same."""
    xs = [x.detach() for x in inputs()]
    solve = ImplicitRungeKutta(TABLES["kvaerno3"])
    plain = loss(solve, xs, num_steps=3)
    assert not plain.requires_grad
    for context in (torch.no_grad, torch.inference_mode):
        with context():
            assert loss(solve, inputs() if context is torch.no_grad else xs, num_steps=3).item() == pytest.approx(
                plain.item(), abs=1e-12
            )


def test_dynamics_that_vmap_does_not_know() -> None:
    """Where the VJPs cannot be made at once, the Jacobian is made row by row."""

    class Cube(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx: Any, cotangent: Tensor) -> Tensor:
            (x,) = ctx.saved_tensors
            return torch.as_tensor(cotangent.numpy() * 3 * x.numpy() ** 2)

    y0 = torch.tensor([0.5, -0.4], dtype=torch.float64, requires_grad=True)
    ts = torch.tensor([0.0, 1.0], dtype=torch.float64)
    solve = ImplicitRungeKutta(TABLES["kvaerno4"])
    gradients = [
        torch.autograd.grad(solve(g, y0, ts, num_steps=4)[0][-1].sum(), y0)
        for g in (lambda t, y: -Cube.apply(y), lambda t, y: -(y**3))
    ]
    same(*gradients)

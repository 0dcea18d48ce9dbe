"""Every gradient method of torch with every kind of solver, held to a closed form and to the same rules."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import optree
import pytest
import torch
from torch import Tensor

import odebench
from odebench import Stats, Status, Unsupported
from odebench.backends import backends, default_registry
from odebench_differences.torch import bind as finite_difference
from odebench_rungekutta import TABLEAUS
from odebench_torch.runge_kutta import RungeKutta
from odebench_torch_adjoint.method import bind as adjoint
from odebench_torch_adjoint.seminorm import bind as seminorm
from odebench_torch_backprop.method import bind as backprop
from odebench_torch_checkpoint.method import bind as checkpoint
from odebench_torch_checkpoint.method import bind_all as aca
from odebench_torch_interpolated.method import bind as interpolated
from odebench_torch_reversible.method import bind as reversible
from odebench_torch_reversible.solver import reversible_heun
from odebench_torch_sensitivity.method import bind as forward

Params = dict[str, Tensor]
TABLES = {tableau.name: tableau for tableau in TABLEAUS}


def stranger(f: Any, y0: Any, ts: Tensor, params: Any = None, *, substeps: int = 1, norm: Any = None) -> Any:
    """The Runge–Kutta method, as anybody might write it in plain torch."""

    def plus(y: Any, *slopes: Any, h: Tensor) -> Any:
        return optree.tree_map(lambda x, *ks: x + h * sum(ks), y, *slopes)

    def step(t: Tensor, y: Any, h: Tensor) -> Any:
        rest = () if params is None else (params,)
        k1 = f(t, y, *rest)
        k2 = f(t + h / 2, plus(y, k1, h=h / 2), *rest)
        k3 = f(t + h / 2, plus(y, k2, h=h / 2), *rest)
        k4 = f(t + h, plus(y, k3, h=h), *rest)
        return plus(y, k1, k2, k2, k3, k3, k4, h=h / 6)

    ys = [y0]
    for t, t1 in itertools.pairwise(ts):
        h, y = (t1 - t) / substeps, ys[-1]
        for n in range(substeps):
            y = step(t + n * h, y, h)
        ys.append(y)
    steps = substeps * (len(ts) - 1)
    return optree.tree_map(lambda *x: torch.stack(x), *ys), Stats(4 * steps, steps, 0, Status.ok, 0.0)


SOLVERS: dict[str, tuple[Any, dict[str, Any], float]] = {
    "dopri5": (RungeKutta(TABLES["dopri5"]), {"rtol": 1e-8, "atol": 1e-10}, 1e-5),
    "rk4": (RungeKutta(TABLES["rk4"]), {"num_steps": 40}, 1e-5),
    "reversible_heun": (reversible_heun, {"num_steps": 300}, 1e-4),
}
METHODS: dict[str, Callable[..., Any]] = {
    "backprop": backprop,
    "adjoint": adjoint,
    "seminorm": seminorm,
    "checkpoint": checkpoint,
    "aca": aca,
    "interpolated": interpolated,
    "forward": forward,
    "finite_difference": finite_difference,
}
PAIRS = [(m, s) for s in SOLVERS for m in METHODS] + [("reversible", "reversible_heun")]
METHODS["reversible"] = reversible
ONE_EACH = [(m, "dopri5") for m in METHODS if m != "reversible"] + [("reversible", "reversible_heun")]
CAPTURING = {"backprop", "checkpoint", "aca", "reversible"}


def f(t: Tensor, y: Tensor, p: Params) -> Tensor:
    return p["rate"] * torch.cos(t) * y * (1 - y)


def exact(y0: Tensor, ts: Tensor, p: Params) -> Tensor:
    """The logistic equation in the time ``sin t``."""
    passed = (torch.sin(ts) - torch.sin(ts[0]))[:, None]
    return 1 / (1 + (1 / y0 - 1) * torch.exp(-p["rate"] * passed))


class Logistic(torch.nn.Module):
    def __init__(self, rate: Tensor) -> None:
        super().__init__()
        self.rate, self.unused = torch.nn.Parameter(rate.detach().clone()), torch.nn.Parameter(torch.ones(2).to(rate))

    def forward(self, t: Tensor, y: Tensor) -> Tensor:
        return f(t, y, {"rate": self.rate})


class Problem:
    """y0, ts and parameters that require grad, and a loss of all outputs."""

    def __init__(self, sign: float = 1.0, dtype: torch.dtype = torch.float64) -> None:
        def tensor(*values: float) -> Tensor:
            return torch.tensor(values, dtype=dtype, requires_grad=True)

        self.y0, self.params = tensor(0.2, 0.5, 0.7), {"rate": tensor(1.0, -2.0, 0.5), "unused": tensor(1.0, 2.0)}
        self.ts = (sign * torch.tensor([0.3, 0.9, 1.0, 2.5], dtype=torch.float64)).requires_grad_()
        self.weights = torch.arange(12, dtype=dtype).view(4, 3).sin()

    @property
    def inputs(self) -> list[Tensor]:
        return [self.y0, self.ts, *self.params.values()]

    def gradients(self, ys: Tensor, of: list[Tensor] | None = None) -> list[Tensor]:
        loss = (ys * self.weights).sin().sum()
        return list(torch.autograd.grad(loss, of or self.inputs, materialize_grads=True))


def distance(found: list[Tensor], expected: list[Tensor]) -> float:
    return max(((a - b).norm() / b.norm()).item() for a, b in zip(found, expected, strict=True))


def odeint_of(method: str, solver: str) -> Any:
    solve, options, _ = SOLVERS[solver]
    return METHODS[method](solve, options)


@pytest.mark.parametrize(("method", "solver"), PAIRS)
def test_it_is_the_gradient_of_the_closed_form(method: str, solver: str) -> None:
    """For y0, the first, last and interior times and the parameters; zero for one that f never uses; both ways."""
    for sign in (1.0, -1.0):
        problem = Problem(sign)
        expected = problem.gradients(exact(problem.y0, problem.ts, problem.params))
        ys = odeint_of(method, solver)(f, problem.y0, problem.ts, problem.params)
        *found, unused = problem.gradients(ys)
        bound = SOLVERS[solver][2]
        assert torch.allclose(ys, exact(problem.y0, problem.ts, problem.params), rtol=bound)
        # A difference divides by its step what the errors of two solves differ by.
        bound *= 10 if method == "finite_difference" else 1
        assert distance(found, expected[:-1]) < bound
        assert all(abs(a - b) < bound for a, b in zip(found[1].tolist(), expected[1].tolist(), strict=True))
        assert not unused.any()


@pytest.mark.parametrize("method", ["backprop", "adjoint", "seminorm", "forward", "finite_difference"])
def test_a_strangers_solver(method: str) -> None:
    """With a plain solve, that knows nothing of this project."""
    problem = Problem()
    expected = problem.gradients(exact(problem.y0, problem.ts, problem.params))
    ys = METHODS[method](stranger, {"substeps": 20})(f, problem.y0, problem.ts, problem.params)
    # The default step of a difference is made for the default tolerance: its square, 2e-5, is the error.
    bound = 1e-4 if method == "finite_difference" else 1e-5
    assert distance(problem.gradients(ys)[:-1], expected[:-1]) < bound


@pytest.mark.parametrize("method", ["checkpoint", "aca", "interpolated", "reversible"])
def test_what_a_solver_must_be_able_to(method: str) -> None:
    """A solver that is not is named, before anything is solved."""
    with pytest.raises(Unsupported, match="the solver 'stranger' cannot"):
        METHODS[method](stranger, {})


@pytest.mark.parametrize(("method", "solver"), ONE_EACH)
def test_a_module_has_the_same_gradient(method: str, solver: str) -> None:
    """For its own parameters and for those passed by name; a frozen one gets none."""
    problem, odeint = Problem(), odeint_of(method, solver)
    expected = problem.gradients(odeint(f, problem.y0, problem.ts, problem.params))
    net = Logistic(problem.params["rate"])
    of = [problem.y0, problem.ts, net.rate, net.unused]
    for params in (None, dict(net.named_parameters())):
        *found, unused = problem.gradients(odeint(net, problem.y0, problem.ts, params), of)
        assert distance(found, expected[:-1]) < 1e-7
        assert not unused.any()
    net.unused.requires_grad_(False)
    (odeint(net, problem.y0, problem.ts) * problem.weights).sin().sum().backward()
    assert net.unused.grad is None
    assert net.rate.grad is not None
    assert distance([net.rate.grad], expected[2:3]) < 1e-7


@pytest.mark.parametrize(("method", "solver"), ONE_EACH)
def test_a_captured_tensor_gets_its_gradient_or_an_error(method: str, solver: str) -> None:
    """Exactly the gradient that it gets as a parameter, or a refusal that names its shape; never silence."""
    problem, odeint = Problem(), odeint_of(method, solver)
    scale = torch.tensor([1.0, 0.9, 1.1], dtype=torch.float64, requires_grad=True)

    def captured(t: Tensor, y: Tensor, p: Params) -> Tensor:
        return scale * f(t, y, p)

    def passed(t: Tensor, y: Tensor, p: Params) -> Tensor:
        return p["scale"] * f(t, y, p)

    if method not in CAPTURING:
        with pytest.raises(Unsupported, match=r"shape \(3,\).*pass it in params"):
            odeint(captured, problem.y0, problem.ts, problem.params).sum().backward()
        with pytest.raises(Unsupported, match=r"shape \(3,\).*pass it in params"):
            odeint(lambda t, y: y * scale, problem.y0, problem.ts).sum().backward()
        return
    of = [*problem.inputs[:3], scale]
    found = problem.gradients(odeint(captured, problem.y0, problem.ts, problem.params), of)
    expected = problem.gradients(odeint(passed, problem.y0, problem.ts, {**problem.params, "scale": scale}), of)
    assert distance(found, expected) < 1e-12


@pytest.mark.parametrize(("method", "solver"), ONE_EACH)
def test_states_in_trees(method: str, solver: str) -> None:
    """A state in a dict has the gradient of the same state in one tensor."""
    problem, odeint = Problem(), METHODS[method](SOLVERS[solver][0], {"num_steps": 30})

    def tree(t: Tensor, y: dict[str, Any], p: Params) -> dict[str, Any]:
        k = f(t, torch.cat([y["a"], y["b"][0].view(1)]), p)
        return {"a": k[:2], "b": [k[2]]}

    ys = odeint(tree, {"a": problem.y0[:2], "b": [problem.y0[2]]}, problem.ts, problem.params)
    found = problem.gradients(torch.cat([ys["a"], ys["b"][0][:, None]], dim=1))
    expected = problem.gradients(odeint(f, problem.y0, problem.ts, problem.params))
    assert distance(found[:-1], expected[:-1]) < 1e-10


@pytest.mark.parametrize(("method", "solver"), ONE_EACH)
def test_dtypes_are_kept(method: str, solver: str) -> None:
    """A float32 state and parameters with float64 times: gradients of the same kinds, right to float32."""
    problem, reference = Problem(dtype=torch.float32), Problem()
    solve, _, _ = SOLVERS[solver]
    odeint = METHODS[method](solve, {"num_steps": 60})
    found = problem.gradients(odeint(f, problem.y0, problem.ts, problem.params))
    assert [g.dtype for g in found] == [x.dtype for x in problem.inputs]
    expected = reference.gradients(exact(reference.y0, reference.ts, reference.params))
    assert distance([g.double() for g in found[:-1]], expected[:-1]) < 2e-3


@pytest.mark.parametrize(("method", "solver"), ONE_EACH)
def test_a_second_derivative_is_refused(method: str, solver: str) -> None:
    """Whether the cotangent requires grad or not."""
    problem, odeint = Problem(), odeint_of(method, solver)
    for loss in (lambda ys: ys.sum(), lambda ys: ys.square().sum()):
        ys = odeint(f, problem.y0, problem.ts, problem.params)
        with pytest.raises(RuntimeError, match="create_graph=True"):
            torch.autograd.grad(loss(ys), problem.y0, create_graph=True)


@pytest.mark.parametrize(("method", "solver"), ONE_EACH)
def test_one_time_no_grad_and_parts(method: str, solver: str) -> None:
    """T = 1 passes the cotangent on; without grad nothing is recorded; of y0 alone the gradient is the same."""
    problem, odeint = Problem(), odeint_of(method, solver)
    ys = odeint(f, problem.y0, problem.ts[:1], problem.params)
    (slope,) = torch.autograd.grad(ys.sum(), problem.y0)
    assert torch.equal(slope, torch.ones_like(slope))
    full = problem.gradients(odeint(f, problem.y0, problem.ts, problem.params))
    with torch.no_grad():
        assert not odeint(f, problem.y0, problem.ts, problem.params).requires_grad
        fixed = {name: p.detach() for name, p in problem.params.items()}
    (alone,) = problem.gradients(odeint(f, problem.y0, problem.ts.detach(), fixed), [problem.y0])
    assert distance([alone], full[:1]) < 1e-6
    (times,) = problem.gradients(odeint(f, problem.y0.detach(), problem.ts, fixed), [problem.ts])
    assert distance([times], full[1:2]) < 1e-6
    assert not odeint(f, problem.y0.detach(), problem.ts.detach(), fixed).requires_grad


@pytest.mark.parametrize(("method", "solver"), ONE_EACH)
def test_a_parameter_that_was_changed_meanwhile(method: str, solver: str) -> None:
    """Between solve and backward pass, in place: an error as for any operation of torch, not another gradient."""
    problem = Problem()
    ys = odeint_of(method, solver)(f, problem.y0, problem.ts, problem.params)
    with torch.no_grad():
        problem.params["rate"].mul_(2.0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        ys.sum().backward()


def test_they_are_found_by_name() -> None:
    """Every method with every solver of torch, the reversible one with its own alone."""
    names = {info.name for info in backends(default_registry(), "torch/*")}
    for solver in ("dopri5", "rk4", "reversible_heun"):
        assert {f"torch/{solver}/{method}" for method in METHODS if method != "reversible"} <= names
    assert [name for name in names if name.endswith("/reversible")] == ["torch/reversible_heun/reversible"]
    problem = Problem()
    odeint = odebench.backend("torch/reversible_heun/reversible", num_steps=100).odeint
    assert odeint(f, problem.y0, problem.ts, problem.params).requires_grad

"""The continuous adjoint: its gradient, its options, its errors; held to backpropagation and central differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import odebench
from odebench import Stats, Unsupported
from odebench_rungekutta import TABLEAUS
from odebench_torch.runge_kutta import RungeKutta
from odebench_torch_adjoint.method import bind as bind_adjoint
from odebench_torch_backprop.method import bind as bind_backprop

SOLVERS = {tableau.name: RungeKutta(tableau) for tableau in TABLEAUS}
TIGHT = {"rtol": 1e-9, "atol": 1e-11}
METHODS: dict[str, Callable[..., Any]] = {"adjoint": bind_adjoint, "backprop": bind_backprop}


def f(t: Tensor, y: Tensor, p: dict[str, Tensor]) -> Tensor:
    return torch.tanh(torch.sin(t) * y @ p["w1"] + p["b1"]) @ p["w2"] + 0.1 * y


class Net(torch.nn.Module):
    def __init__(self, params: dict[str, Tensor]) -> None:
        super().__init__()
        for name, p in params.items():
            self.register_parameter(name, torch.nn.Parameter(p.detach().clone()))

    def forward(self, t: Tensor, y: Tensor) -> Tensor:
        return f(t, y, dict(self.named_parameters()))


class Problem:
    """y0, ts, params that require grad, and a loss of all outputs."""

    def __init__(self, *times: float) -> None:
        g = torch.Generator().manual_seed(0)

        def normal(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=g, dtype=torch.float64)

        params = {"w1": normal(2, 5), "b1": normal(5), "w2": 0.5 * normal(5, 2), "unused": normal(3)}
        self.params = {name: p.requires_grad_() for name, p in params.items()}
        self.y0 = normal(3, 2).requires_grad_()
        self.ts = torch.tensor(times or (0.0, 0.3, 0.35, 1.1, 2.0), dtype=torch.float64, requires_grad=True)
        self.weights = normal(len(self.ts), 3, 2)

    @property
    def inputs(self) -> list[Tensor]:
        return [self.y0, self.ts, *self.params.values()]

    def loss(self, odeint: Any) -> Tensor:
        return (odeint(f, self.y0, self.ts, self.params) * self.weights).sin().sum()

    def gradients(self, odeint: Any) -> list[Tensor]:
        return list(torch.autograd.grad(self.loss(odeint), self.inputs))


def distance(found: list[Tensor], expected: list[Tensor]) -> float:
    return max(((a - b).norm() / b.norm().clamp(min=1e-30)).item() for a, b in zip(found, expected, strict=True))


@pytest.fixture(scope="module")
def differences() -> dict[float, list[Tensor]]:
    """Central differences of a solve at 1e-12, in both directions of time."""
    found = {}
    for sign in (1.0, -1.0):
        problem = Problem(*(sign * t for t in (0.0, 0.3, 0.35, 1.1, 2.0)))
        odeint = bind_backprop(SOLVERS["dopri8"], {"rtol": 1e-13, "atol": 1e-13})
        gradients = []
        with torch.no_grad():
            for x in problem.inputs:
                slope, flat = torch.zeros_like(x).view(-1), x.view(-1)
                for i, value in enumerate(flat.tolist()):
                    ends = []
                    for eps in (1e-4, -1e-4, 5e-5, -5e-5):
                        flat[i] = value + eps
                        ends.append(problem.loss(odeint).item())
                    flat[i] = value
                    wide, narrow = (ends[0] - ends[1]) / 2e-4, (ends[2] - ends[3]) / 1e-4
                    slope[i] = (4 * narrow - wide) / 3
                gradients.append(slope.view_as(x))
        found[sign] = gradients
    return found


@pytest.mark.parametrize("sign", [1.0, -1.0], ids=["ascending", "descending"])
@pytest.mark.parametrize("solver", ["dopri5", "tsit5", "dopri8"])
@pytest.mark.parametrize("method", METHODS)
def test_both_methods_meet_central_differences(
    method: str, solver: str, sign: float, differences: dict[float, list[Tensor]]
) -> None:
    """At tight tolerance, to 1e-6 for y0, every time and every parameter; an unused one gets zero."""
    problem = Problem(*(sign * t for t in (0.0, 0.3, 0.35, 1.1, 2.0)))
    found = problem.gradients(METHODS[method](SOLVERS[solver], TIGHT))
    assert not found[-1].any()
    assert distance(found[:-1], differences[sign][:-1]) < 1e-6


@pytest.mark.parametrize("options", [{"num_steps": 60}, {"step": 0.033}], ids=["num_steps", "step"])
def test_fixed_steps_go_back_in_the_same_steps(options: dict[str, Any]) -> None:
    """With fixed steps the backward solve takes about as many as the forward one, and the gradient is of its order."""
    problem, calls = Problem(), []

    def counting(f: Any, y0: Any, ts: Tensor, params: Any = None, **options: Any) -> tuple[Any, Stats]:
        ys, stats = SOLVERS["rk4"](f, y0, ts, params, **options)
        calls.append(stats.accepted)
        return ys, stats

    found = problem.gradients(bind_adjoint(counting, options))
    assert calls[0] <= sum(calls[1:]) <= calls[0] + 4
    expected = problem.gradients(bind_adjoint(SOLVERS["dopri8"], TIGHT))
    assert distance(found[:-1], expected[:-1]) < 1e-4


def test_options_of_the_backward_solve() -> None:
    """adjoint_solver, tolerances and steps reach the backward solve, and nothing but what is given changes; an adaptive
    one begins with the step size that the forward solve ended with, in place of its ``first_step``."""
    seen: list[tuple[str, dict[str, Any]]] = []
    ended: list[float] = []

    def spy(name: str) -> Any:
        def solve(f: Any, y0: Any, ts: Tensor, params: Any = None, **options: Any) -> tuple[Any, Stats]:
            seen.append((name, options))
            ys, stats = SOLVERS[name](f, y0, ts, params, **options)
            ended.append(stats.next_step)
            return ys, stats

        return solve

    problem = Problem(0.0, 1.0)
    options = {"rtol": 1e-5, "atol": 1e-6, "first_step": 0.01, "norm": lambda y: y.abs().max()}
    problem.gradients(bind_adjoint(spy("dopri5"), options, adjoint_rtol=1e-4))
    problem.gradients(bind_adjoint(spy("dopri5"), options, adjoint_solver=spy("rk4"), adjoint_num_steps=20))
    assert seen[0] == seen[2] == ("dopri5", options)
    assert seen[1] == ("dopri5", {"rtol": 1e-4, "atol": 1e-6, "first_step": ended[0]})
    assert ended[0] > 0.1
    assert seen[3] == ("rk4", {"rtol": 1e-5, "atol": 1e-6, "first_step": 0.01, "step": 0.05})


def test_step_size_is_carried_from_interval_to_interval() -> None:
    """Ten times the outputs cost less than twice the VJPs of steps that land on them, not a new start at each."""
    stats: list[Stats] = []

    def spy(f: Any, y0: Any, ts: Tensor, params: Any = None, **options: Any) -> tuple[Any, Stats]:
        result = SOLVERS["dopri5"](f, y0, ts, params, **options)
        stats.append(result[1])
        return result

    problem = Problem(*torch.linspace(0, 2, 21).tolist())
    problem.gradients(bind_adjoint(spy, {"rtol": 1e-4, "atol": 1e-5}))
    assert all(s.nfe == 1 + 6 * (s.accepted + s.rejected) for s in stats[1:])
    assert sum(s.accepted for s in stats[1:]) <= 2 * len(stats[1:])


def test_a_solver_that_takes_no_first_step() -> None:
    """A stranger's solver with the bare signature works as well."""

    def bare(f: Any, y0: Any, ts: Tensor, params: Any = None, *, rtol: float, atol: float) -> tuple[Any, Stats]:
        return SOLVERS["dopri5"](f, y0, ts, params, rtol=rtol, atol=atol)

    problem = Problem()
    expected = problem.gradients(bind_adjoint(SOLVERS["dopri5"], TIGHT))
    assert distance(problem.gradients(bind_adjoint(bare, TIGHT)), expected) < 1e-6


def test_module_and_functional_agree() -> None:
    """A module's own parameters get what the same parameters get when they are passed; frozen ones are left out."""
    problem = Problem()
    odeint = bind_adjoint(SOLVERS["dopri5"], TIGHT)
    _, _, *expected = problem.gradients(odeint)
    net = Net(problem.params)
    own = [dict(net.named_parameters())[name] for name in problem.params]
    for params in (None, dict(net.named_parameters())):
        loss = (odeint(net, problem.y0, problem.ts, params) * problem.weights).sin().sum()
        assert distance(list(torch.autograd.grad(loss, own)), expected) < 1e-9
    net.w2.requires_grad_(False)
    (odeint(net, problem.y0, problem.ts) * problem.weights).sin().sum().backward()
    assert net.w2.grad is None
    assert distance([net.w1.grad], expected[:1]) < 1e-7


def test_parameters_computed_from_others() -> None:
    """The gradient goes on to what a parameter was computed from."""
    problem = Problem()
    odeint = bind_adjoint(SOLVERS["dopri5"], TIGHT)
    _, _, w1, *_ = problem.gradients(odeint)
    source = (problem.params["w1"].detach() / 2).requires_grad_()
    (found,) = torch.autograd.grad(problem.loss(lambda f, y, t, p: odeint(f, y, t, {**p, "w1": source * 2})), source)
    assert torch.allclose(found, 2 * w1, rtol=1e-8)


def test_a_parameter_of_another_dtype() -> None:
    """A float32 scalar among float64 ones has a float32 gradient, right to its precision."""
    problem = Problem()
    found = []
    for dtype in (torch.float32, torch.float64):
        scale = torch.tensor(0.5, dtype=dtype, requires_grad=True)
        odeint = bind_adjoint(SOLVERS["dopri5"], TIGHT)
        ys = odeint(lambda t, y, p: f(t, y, p) * p["scale"], problem.y0, problem.ts, {**problem.params, "scale": scale})
        found.append(torch.autograd.grad(ys.sum(), scale)[0])
    assert found[0].dtype == torch.float32
    assert torch.allclose(found[0].double(), found[1], rtol=1e-5)


def test_a_captured_tensor_is_an_error() -> None:
    """A tensor that requires grad and is not passed would get no gradient: the backward pass refuses, by its shape."""
    problem = Problem()
    captured = torch.ones(3, 2, dtype=torch.float64, requires_grad=True)
    ys = bind_adjoint(SOLVERS["dopri5"], {})(
        lambda t, y, p: f(t, y, p) * captured, problem.y0, problem.ts, problem.params
    )
    with pytest.raises(Unsupported, match=r"shape \(3, 2\).*pass it in params"):
        ys.sum().backward()


def test_a_tensor_captured_by_an_early_branch_is_an_error() -> None:
    """Though the backward solve, which begins at the end, meets it late."""
    problem = Problem(0.0, 2.0)
    captured = torch.ones(3, 2, dtype=torch.float64, requires_grad=True)
    ys = bind_adjoint(SOLVERS["dopri5"], {})(
        lambda t, y, p: f(t, y, p) * (captured if t < 0.5 else 1.0), problem.y0, problem.ts, problem.params
    )
    with pytest.raises(Unsupported, match=r"shape \(3, 2\).*pass it in params"):
        ys.sum().backward()


def test_dynamics_that_are_gradients_themselves() -> None:
    """What f makes a leaf of, within itself, is nothing that it has captured."""

    def descent(t: Tensor, y: Tensor, p: dict[str, Tensor]) -> Tensor:
        with torch.enable_grad():
            z = y if y.requires_grad else y.detach().requires_grad_()
            energy = (torch.tanh(z @ p["w1"] + p["b1"]) @ p["w2"]).square().sum()
            return -torch.autograd.grad(energy, z, create_graph=True)[0]

    found = []
    for method in METHODS.values():
        problem = Problem(0.0, 0.5)
        ys = method(SOLVERS["dopri5"], TIGHT)(descent, problem.y0, problem.ts.detach(), problem.params)
        of = [problem.y0, *(problem.params[name] for name in ("w1", "b1", "w2"))]
        found.append(list(torch.autograd.grad(ys[-1].sum(), of)))
    assert distance(*found) < 1e-6


def test_states_are_trees() -> None:
    """A state in a dict has the gradient of the same state in one tensor."""
    problem = Problem()

    def tree(t: Tensor, y: dict[str, Any], p: dict[str, Tensor]) -> dict[str, Any]:
        k = f(t, torch.stack([y["a"], y["b"][0]], dim=1), p)
        return {"a": k[:, 0], "b": [k[:, 1]], "idle": torch.zeros(2, dtype=torch.float64)}

    def odeint(f: Any, y0: Tensor, ts: Tensor, p: Any) -> Tensor:
        state = {"a": y0[:, 0], "b": [y0[:, 1]], "idle": torch.ones(2, dtype=torch.float64)}
        ys = bind_adjoint(SOLVERS["dopri5"], TIGHT)(tree, state, ts, p)
        return torch.stack([ys["a"], ys["b"][0]], dim=2)

    assert distance(problem.gradients(odeint), problem.gradients(bind_adjoint(SOLVERS["dopri5"], TIGHT))) < 1e-7


def test_inert_parameters_do_not_dilute_the_error() -> None:
    """A million parameters that hardly matter change neither the gradient of y0 nor the number of steps."""
    stats: list[Stats] = []

    def spy(f: Any, y0: Any, ts: Tensor, params: Any = None, **options: Any) -> tuple[Any, Stats]:
        result = SOLVERS["dopri5"](f, y0, ts, params, **options)
        stats.append(result[1])
        return result

    problem = Problem(0.0, 2.0)
    found = []
    for size in (1, 1_000_000):
        inert = torch.zeros(size, dtype=torch.float64, requires_grad=True)
        odeint = bind_adjoint(spy, {"rtol": 1e-5, "atol": 1e-6})
        found.append(
            problem.gradients(
                lambda f, y, t, p, odeint=odeint, inert=inert: odeint(
                    lambda t, y, p: f(t, y, p) + p["inert"][:1] * 1e-9, y, t, {**p, "inert": inert}
                )
            )
        )
    assert stats[1].nfe == stats[3].nfe
    assert distance(found[1][:1], found[0][:1]) < 1e-12


def test_norms_of_the_backward_solve() -> None:
    """The seminorm drops the quadratures' error and saves steps; a callable is given the whole augmented state."""
    stats: list[Stats] = []

    def spy(f: Any, y0: Any, ts: Tensor, params: Any = None, **options: Any) -> tuple[Any, Stats]:
        result = SOLVERS["dopri5"](f, y0, ts, params, **options)
        stats.append(result[1])
        return result

    sizes = set()

    def norm(state: tuple[Any, ...]) -> Tensor:
        sizes.add(len(state))
        return 1e-6 * max(leaf.abs().max() for leaf in state)

    def wiggly(t: Tensor, y: Tensor, p: dict[str, Tensor]) -> Tensor:
        """A parameter, 0, whose cotangent is the integral of a fast oscillation."""
        return f(t, y, p) + torch.cos(30 * t) * p["wiggle"] * torch.ones_like(y)

    problem = Problem(0.0, 2.0)
    params = {**problem.params, "wiggle": torch.zeros((), dtype=torch.float64, requires_grad=True)}
    nfe = []
    for kind in (None, "seminorm", norm):
        ys = bind_adjoint(spy, {"rtol": 1e-6, "atol": 1e-6}, adjoint_norm=kind)(wiggly, problem.y0, problem.ts, params)
        ys.sum().backward()
        nfe.append(stats[-1].nfe)
    assert nfe[0] > 1.5 * nfe[1] > 1.5 * nfe[2]
    assert sizes == {2 + len(params)}


def test_the_seminorm_is_a_method_of_its_own() -> None:
    """``torch/dopri5/seminorm`` is the adjoint with that norm, to the last bit, and takes its other options."""
    problem = Problem()
    options = {"rtol": 1e-6, "atol": 1e-8, "adjoint_rtol": 1e-5, "adjoint_solver": "tsit5"}
    found = problem.gradients(odebench.backend("torch/dopri5/seminorm", **options).odeint)
    same = problem.gradients(odebench.backend("torch/dopri5/adjoint", **options, adjoint_norm="seminorm").odeint)
    other = problem.gradients(odebench.backend("torch/dopri5/adjoint", **options).odeint)
    assert all(torch.equal(a, b) for a, b in zip(found, same, strict=True))
    assert not torch.equal(found[2], other[2])


def test_unused_outputs_and_zero_cotangents() -> None:
    """Outputs that the loss does not use cost no backward solve; without any the gradients are zero."""
    calls = 0

    def spy(f: Any, y0: Any, ts: Tensor, params: Any = None, **options: Any) -> tuple[Any, Stats]:
        nonlocal calls
        calls += 1
        return SOLVERS["dopri5"](f, y0, ts, params, **options)

    problem = Problem()
    ys = bind_adjoint(spy, TIGHT)(f, problem.y0, problem.ts, problem.params)
    calls = 0
    found = torch.autograd.grad(ys[2].sum(), problem.inputs, retain_graph=True)
    assert calls == 2
    (short,) = torch.autograd.grad(
        bind_backprop(SOLVERS["dopri5"], TIGHT)(f, problem.y0, problem.ts[:3], problem.params)[-1].sum(), problem.y0
    )
    assert torch.allclose(found[0], short, rtol=1e-6)
    calls = 0
    assert not any(g.any() for g in torch.autograd.grad(0 * ys.sum(), problem.inputs))
    assert calls == 0


@pytest.mark.parametrize("method", METHODS)
def test_a_single_time(method: str) -> None:
    """With T = 1 the cotangent is passed on, and the time and the parameters get zero."""
    problem = Problem(0.4)
    ys = METHODS[method](SOLVERS["dopri5"], {})(f, problem.y0, problem.ts, problem.params)
    y0, *others = torch.autograd.grad((ys * problem.weights).sum(), problem.inputs, allow_unused=True)
    assert torch.equal(y0, problem.weights[0])
    assert not any(g is not None and g.any() for g in others)


def test_nothing_is_recorded_without_grad() -> None:
    """Under no_grad the solve is the bare one."""
    problem = Problem()
    with torch.no_grad():
        ys = bind_adjoint(SOLVERS["dopri5"], TIGHT)(f, problem.y0, problem.ts, problem.params)
        expected, _ = SOLVERS["dopri5"](f, problem.y0, problem.ts, problem.params, **TIGHT)
    assert not ys.requires_grad
    assert torch.equal(ys, expected)


def test_constant_dynamics() -> None:
    """Dynamics that depend on nothing leave the cotangent alone."""
    problem = Problem(0.0, 1.5)
    ys = bind_adjoint(SOLVERS["dopri5"], {})(lambda t, y: torch.ones_like(y), problem.y0, problem.ts)
    y0, ts = torch.autograd.grad(ys[-1].sum(), [problem.y0, problem.ts])
    assert torch.allclose(y0, torch.ones_like(y0))
    assert torch.allclose(ts, torch.tensor([-6.0, 6.0], dtype=torch.float64))


def test_twice_is_an_error() -> None:
    """A second derivative is refused, not wrong."""
    problem = Problem()
    loss = problem.loss(bind_adjoint(SOLVERS["dopri5"], {}))
    ys = bind_adjoint(SOLVERS["dopri5"], {})(f, problem.y0, problem.ts, problem.params)
    for value in (loss, ys[-1].sum()):  # with a cotangent that requires grad, and one that does not
        with pytest.raises(RuntimeError, match="create_graph=True"):
            torch.autograd.grad(value, problem.y0, create_graph=True)


def test_options_that_make_no_sense() -> None:
    """Two step sizes, or a norm that there is not, are refused before anything is solved."""
    with pytest.raises(ValueError, match="adjoint_step or adjoint_num_steps"):
        bind_adjoint(SOLVERS["dopri5"], {}, adjoint_step=0.1, adjoint_num_steps=3)
    with pytest.raises(ValueError, match=r"'seminorm'.*'semi_norm'"):
        bind_adjoint(SOLVERS["dopri5"], {}, adjoint_norm="semi_norm")  # type: ignore[arg-type]


def test_it_is_found_by_name() -> None:
    """``torch/dopri5/adjoint`` names this method with the engine, and its options with ``adjoint_``."""
    problem = Problem()
    odeint = odebench.backend("torch/dopri5/adjoint", **TIGHT, adjoint_solver="dopri8").odeint
    expected = problem.gradients(bind_adjoint(SOLVERS["dopri5"], TIGHT))
    assert distance(problem.gradients(odeint), expected) < 1e-6


@pytest.mark.parametrize("method", ["adjoint", "seminorm", "interpolated"])
def test_a_captured_tensor_is_an_error_where_nothing_is_recorded(method: str) -> None:
    """y0 and ts that require no grad leave no backward pass to refuse in: the solve does, but not under no_grad."""
    y0, ts = torch.ones(2, dtype=torch.float64), torch.tensor([0.0, 1.0], dtype=torch.float64)
    captured = torch.ones((), dtype=torch.float64, requires_grad=True)
    odeint = odebench.backend(f"torch/dopri5/{method}").odeint
    for f in (lambda t, y: captured * y, lambda t, y: captured * y if t > 0.5 else y):
        with pytest.raises(Unsupported, match=r"shape \(\).*pass it in params"):
            odeint(f, y0, ts)
        with torch.no_grad():
            odeint(f, y0, ts)
    assert not odeint(lambda t, y: -y, y0, ts).requires_grad

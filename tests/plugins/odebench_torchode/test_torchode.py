"""torchode held to the contract: values, gradients, options, failures, bad input."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import odebench
from odebench import SolveError, Status, Unsupported
from odebench_torchode import SOLVERS

TIGHT = {"rtol": 1e-8, "atol": 1e-9}
ROUGH = {"euler": 3e-3, "heun": 2e-4}


def double(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def f(t: Tensor, y: Tensor, p: dict[str, Tensor]) -> Tensor:
    """y = y0 exp(a (cos t - cos t0)), which is not even in t."""
    return -p["a"] * torch.sin(t) * y


def exact(y0: Tensor, ts: Tensor, a: Tensor) -> Tensor:
    return y0 * torch.exp(a * (ts.cos() - ts[0].cos()))[:, None]


def options(solver: str) -> dict[str, Any]:
    return {"euler": {"num_steps": 400}, "heun": {"rtol": 1e-5, "atol": 1e-7}}.get(solver, TIGHT)


def solve(solver: str, *args: Any, **given: Any) -> Any:
    return odebench.backend(f"torchode/{solver}/autodiff", **given).solve(*args)


@pytest.mark.parametrize("direction", [1, -1])
@pytest.mark.parametrize("solver", SOLVERS)
def test_values(solver: str, direction: int) -> None:
    """Every method, either way in time, against the closed form; and it has counted its evaluations."""
    y0, a, ts = double(1.0, 2.0), double(0.7)[0], double(0.3, 1.1, 1.9)
    ts = ts if direction > 0 else ts.flip(0)
    calls: list[Tensor] = []
    ys, stats = solve(solver, lambda t, y, p: calls.append(t) or f(t, y, p), y0, ts, {"a": a}, **options(solver))
    torch.testing.assert_close(ys[-1], exact(y0, ts, a)[-1], rtol=ROUGH.get(solver, 1e-6), atol=0.0)
    assert torch.equal(ys[0], y0)
    assert stats.nfe == len(calls)
    assert stats.accepted >= 1


@pytest.mark.parametrize("given", [{"rtol": 1e-8, "atol": 1e-8}, {"num_steps": 40}], ids=["adaptive", "fixed"])
@pytest.mark.parametrize("gradient", ["autodiff", "backsolve", "joint_backsolve"])
def test_gradients(gradient: str, given: dict[str, Any]) -> None:
    """Of y0 and params that are no leaves the closed form's, of ts by autodiff alone (the backsolves refuse), of an
    unused parameter zero."""
    w = torch.arange(1.0, 7.0, dtype=torch.float64).reshape(3, 2)
    inputs = [double(1.0, 2.0), double(0.3, 1.1, 1.9), double(0.7)[0], double(1.0)]
    y0, ts, a, unused = (x.requires_grad_() for x in inputs)
    odeint = odebench.backend(f"torchode/dopri5/{gradient}", **given).odeint
    params = {"a": a * 1.0, "u": unused}
    timed = gradient == "autodiff"
    if not timed:
        with pytest.raises(Unsupported, match="times"):
            odeint(f, 2 * y0, ts, params)
    ys = odeint(f, 2 * y0, ts if timed else ts.detach(), params)
    found = torch.autograd.grad((w * ys).sum(), [y0, a, unused, ts], allow_unused=True)
    expected = torch.autograd.grad((w * exact(2 * y0, ts, a)).sum(), [y0, a, ts])
    torch.testing.assert_close(found[:2], expected[:2], rtol=1e-6, atol=1e-6)
    assert found[2] is None or torch.equal(found[2], torch.zeros(1, dtype=torch.float64))
    if timed:
        torch.testing.assert_close(found[3], expected[2], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("gradient", ["backsolve", "joint_backsolve"])
@pytest.mark.parametrize("own", [True, False], ids=["own", "given"])
def test_modules(gradient: str, own: bool) -> None:
    """A module trains its own parameters, or is given others; the adjoints agree with autodiff."""
    torch.manual_seed(0)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = nn.Linear(2, 2).double()

        def forward(self, t: Tensor, y: Tensor) -> Tensor:
            return torch.tanh(self.net(y))

    net = Net()
    params = None if own else {name: (2 * p).detach().requires_grad_() for name, p in net.named_parameters()}
    trained = list(net.parameters()) if params is None else list(params.values())
    grads = []
    for name in ("autodiff", gradient):
        backend = odebench.backend(f"torchode/tsit5/{name}", rtol=1e-8, atol=1e-8)
        ys = backend.odeint(net, double(1.0, 2.0), double(0.0, 1.0), params)
        grads.append(torch.autograd.grad(ys[-1].sum(), trained))
    torch.testing.assert_close(grads[0], grads[1], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("gradient", ["backsolve", "joint_backsolve"])
def test_captured_tensors_are_refused(gradient: str) -> None:
    """Rather than given no gradient: also where a parameter is computed from one; but not without grad."""
    a, y0, ts = double(0.7).requires_grad_(), double(1.0), double(0.0, 1.0)
    odeint = odebench.backend(f"torchode/dopri5/{gradient}").odeint
    with pytest.raises(Unsupported, match="requires grad"):
        odeint(lambda t, y: -a * y, y0, ts)
    with pytest.raises(Unsupported, match="requires grad"):
        odeint(lambda t, y, p: -a * p["b"] * y, y0, ts, {"b": 2 * a})
    with torch.no_grad():
        torch.testing.assert_close(odeint(lambda t, y: -a * y, y0, ts)[-1], torch.exp(-a), rtol=1e-5, atol=0.0)


@pytest.mark.parametrize("gradient", ["backsolve", "joint_backsolve"])
def test_dynamics_that_depend_on_nothing(gradient: str) -> None:
    """Their flow is a translation, whose gradient is the cotangent."""
    y0 = double(1.0, 2.0).requires_grad_()
    ys = odebench.backend(f"torchode/dopri5/{gradient}").odeint(lambda t, y: torch.ones_like(y), y0, double(0.0, 1.0))
    (found,) = torch.autograd.grad(3 * ys[-1].sum(), y0)
    torch.testing.assert_close(found, torch.full_like(found, 3.0))


def test_trees() -> None:
    """A dict is one row to torchode and a dict to f, and the norm sees a tree like y0."""
    seen = []

    def norm(tree: dict[str, Tensor]) -> Tensor:
        seen.append(sorted(tree))
        return torch.stack([x.abs().max() for x in tree.values()]).max()

    y0 = {"x": double(1.0, 2.0), "v": torch.ones(3, 1, dtype=torch.float64)}
    ys, _ = solve("dopri5", lambda t, y: {k: -v for k, v in y.items()}, y0, double(0.0, 1.0), norm=norm, **TIGHT)
    assert ys["v"].shape == (2, 3, 1)
    torch.testing.assert_close(ys["x"][-1], y0["x"] * math.exp(-1), rtol=1e-6, atol=0.0)
    assert seen[0] == ["v", "x"]


@pytest.mark.parametrize("direction", [1.0, -1.0])
def test_first_step_and_time(direction: float) -> None:
    """The first step ends where it is told to, in either direction, and f is given t in y's type."""
    times: list[Tensor] = []
    ts = torch.tensor([0.0, direction])
    solve("dopri5", lambda t, y: times.append(t) or -y, torch.ones(1), ts, first_step=0.125)
    assert times[1].item() == pytest.approx(direction * 0.025)
    assert {t.dtype for t in times} == {torch.float32}


def test_one_time() -> None:
    """A solve of no length is y0."""
    assert torch.equal(solve("dopri5", lambda t, y: y, double(1.0), double(0.0))[0], double(1.0)[None])


def wall(t: Tensor, y: Tensor) -> Tensor:
    return torch.where(t > 0.5, torch.nan, -y)


FAILURES = [
    ("dopri5", lambda t, y: -1000 * y, {"max_steps": 5}, Status.max_steps),
    ("euler", lambda t, y: -y, {"num_steps": 50, "max_steps": 20}, Status.max_steps),
    ("dopri5", lambda t, y: torch.where(t > 1.0, 1e12, 0.0) * y, {"min_step": 1e-6}, Status.underflow),
    ("dopri5", wall, {}, Status.non_finite),
    ("euler", wall, {"num_steps": 10}, Status.non_finite),
]


@pytest.mark.parametrize(("solver", "g", "given", "status"), FAILURES)
def test_failures(solver: str, g: Any, given: dict[str, Any], status: Status) -> None:
    """A status of torchode's, or a NaN that it hands out, is a SolveError that says why."""
    with pytest.raises(SolveError) as caught:
        solve(solver, g, double(1.0), double(0.0, 2.0), **given)
    assert caught.value.status == status


def test_a_pole() -> None:
    """A solve that cannot go on ends, though torchode has no least step of its own."""
    with pytest.raises(SolveError):
        solve("dopri5", lambda t, y: y**2, double(1.0), double(0.0, 2.0), max_steps=2000)


def test_the_last_step_allowed() -> None:
    """A solve that needs all of its steps is complete; with one fewer it is not."""
    args = ("dopri5", lambda t, y: -y, double(1.0), double(0.0, 1.0))
    _, stats = solve(*args, rtol=1e-6)
    steps = stats.accepted + stats.rejected
    assert solve(*args, rtol=1e-6, max_steps=steps)[1] == stats
    with pytest.raises(SolveError):
        solve(*args, rtol=1e-6, max_steps=steps - 1)


@pytest.mark.parametrize("gradient", ["backsolve", "joint_backsolve"])
def test_a_failing_backward_solve(gradient: str) -> None:
    """torchode reads no status of its backward solves; here they are NaN, since f's derivative is."""
    y0 = double(1.0, 0.0).requires_grad_()
    backend = odebench.backend(f"torchode/dopri5/{gradient}")
    ys = backend.odeint(lambda t, y: -torch.sqrt(y.abs()) * 0.1, y0, double(0.0, 1.0))
    assert torch.isfinite(ys).all()
    with pytest.raises(SolveError) as caught:
        ys[-1].sum().backward()
    assert caught.value.status == Status.non_finite


@pytest.mark.parametrize(
    ("solver", "given"),
    [
        ("euler", {"first_step": 0.1, "step": 0.1}),
        ("euler", {"min_step": 0.1, "step": 0.1}),
        ("euler", {"norm": torch.norm, "step": 0.1}),
    ],
)
def test_options_that_it_lacks(solver: str, given: dict[str, Any]) -> None:
    """Refused by name, as a ValueError."""
    with pytest.raises(Unsupported, match=next(iter(given))):
        solve(solver, lambda t, y: y, double(1.0), double(0.0, 1.0), **given)


@pytest.mark.parametrize(
    ("y0", "ts", "g", "given", "error"),
    [
        (torch.ones(1, dtype=torch.int64), [0.0, 1.0], lambda t, y: y, {}, TypeError),
        (torch.ones(1, dtype=torch.complex64), [0.0, 1.0], lambda t, y: y, {}, TypeError),
        (torch.ones(1), [0.0, 1.0, 1.0], lambda t, y: y, {}, ValueError),
        (torch.ones(1), [0.0, 2.0, 1.0], lambda t, y: y, {}, ValueError),
        (torch.ones(2), [0.0, 1.0], lambda t, y: y[:1], {}, ValueError),
        (torch.ones(2), [0.0, 1.0], lambda t, y: y.double(), {}, TypeError),
        (torch.ones(2), [0.0, 1.0], lambda t, y: y, {"rtol": -1.0}, ValueError),
        (torch.ones(2), [0.0, 1.0], lambda t, y: y, {"rtol": 0.0, "atol": 0.0}, ValueError),
    ],
)
def test_bad_input(y0: Tensor, ts: list[float], g: Any, given: dict[str, Any], error: type[Exception]) -> None:
    """Refused in the words of the solvers of torch, before torchode sees it."""
    with pytest.raises(error):
        solve("dopri5", g, y0, torch.tensor(ts), **given)

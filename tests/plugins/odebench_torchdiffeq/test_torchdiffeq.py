"""torchdiffeq held to the contract: values, gradients, options, failures, bad input."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import odebench
from odebench import SolveError, Status, Unsupported
from odebench_torchdiffeq import ADAPTIVE, FIXED

TIGHT = {"rtol": 1e-7, "atol": 1e-9}
COUNTS = {"euler": 400, "midpoint": 100, "heun2": 100, "heun3": 50, "explicit_adams": 8}  # unstable with more
ROUGH = {"euler": 3e-3, "explicit_adams": 2e-2, "bosh3": 1e-3, "fehlberg2": 1e-3}


def double(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def f(t: Tensor, y: Tensor, p: dict[str, Tensor]) -> Tensor:
    """y = y0 exp(a (cos t - cos t0)), which is not even in t."""
    return -p["a"] * torch.sin(t) * y


def exact(y0: Tensor, ts: Tensor, a: Tensor) -> Tensor:
    return y0 * torch.exp(a * (ts.cos() - ts[0].cos()))[:, None]


def options(solver: str) -> dict[str, Any]:
    if solver in FIXED:
        return {"num_steps": COUNTS.get(solver, 24)}
    return TIGHT if ADAPTIVE[solver] > 3 else {"rtol": 1e-5, "atol": 1e-7}


def solve(solver: str, *args: Any, **given: Any) -> Any:
    return odebench.backend(f"torchdiffeq/{solver}/backprop", **given).solve(*args)


@pytest.mark.parametrize("direction", [1, -1])
@pytest.mark.parametrize("solver", [*ADAPTIVE, *FIXED])
def test_values(solver: str, direction: int) -> None:
    """Every method, either way in time, against the closed form; and it has counted its evaluations."""
    y0, a, ts = double(1.0, 2.0), double(0.7)[0], double(0.3, 1.1, 1.9)
    ts = ts if direction > 0 else ts.flip(0)
    calls: list[Tensor] = []
    ys, stats = solve(solver, lambda t, y, p: calls.append(t) or f(t, y, p), y0, ts, {"a": a}, **options(solver))
    torch.testing.assert_close(ys[-1], exact(y0, ts, a)[-1], rtol=ROUGH.get(solver, 2e-4), atol=0.0)
    assert torch.equal(ys[0], y0)
    assert stats.nfe == len(calls)
    assert stats.accepted >= 1


@pytest.mark.parametrize("gradient", ["backprop", "adjoint", "seminorm"])
def test_gradients(gradient: str) -> None:
    """Of y0, ts, params: the closed form's; of a parameter that f never uses: zero, or none."""
    w = torch.arange(1.0, 7.0, dtype=torch.float64).reshape(3, 2)
    inputs = [double(1.0, 2.0), double(0.3, 1.1, 1.9), double(0.7)[0], double(1.0)]
    y0, ts, a, unused = (x.requires_grad_() for x in inputs)
    ys = odebench.backend(f"torchdiffeq/dopri5/{gradient}", rtol=1e-9, atol=1e-9).odeint(
        f, y0, ts, {"a": a, "u": unused}
    )
    found = torch.autograd.grad((w * ys).sum(), [y0, a, ts, unused], allow_unused=True)
    expected = torch.autograd.grad((w * exact(y0, ts, a)).sum(), [y0, a, ts])
    for x, y, tolerance in zip(found, expected, (1e-6, 1e-6, 1e-4), strict=False):
        torch.testing.assert_close(x, y, rtol=tolerance, atol=tolerance)
    assert found[3] is None or torch.equal(found[3], torch.zeros(1, dtype=torch.float64))


@pytest.mark.parametrize("given", [{"num_steps": 40}, {"step": 0.04}])
def test_gradients_of_fixed_steps(given: dict[str, Any]) -> None:
    """The adjoint of a fixed grid takes the same steps back, and both gradients are the closed form's."""
    found = []
    for gradient in ("backprop", "adjoint"):
        y0, ts, a = double(1.0, 2.0).requires_grad_(), double(0.3, 1.1, 1.9), double(0.7)[0].requires_grad_()
        counts: list[float] = []
        backend = odebench.backend(f"torchdiffeq/rk4/{gradient}", **given)
        ys = backend.odeint(lambda t, y, p: counts.append(t.item()) or f(t, y, p), y0, ts, {"a": a})  # noqa: B023
        forward = len(counts)
        found.append(torch.autograd.grad(ys[-1].sum(), [y0, a]))
        assert forward == 160
        assert len(counts) == (forward if gradient == "backprop" else 2 * forward)
    expected = torch.autograd.grad(exact(y0, ts, a)[-1].sum(), [y0, a])
    for gradients in found:
        torch.testing.assert_close(gradients, expected, rtol=1e-6, atol=1e-6)


def test_a_module_trains_its_own_parameters() -> None:
    """Without params, the adjoint's parameters are the module's."""
    torch.manual_seed(0)
    net = nn.Linear(2, 2).double()

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = net

        def forward(self, t: Tensor, y: Tensor) -> Tensor:
            return torch.tanh(self.net(y))

    grads = []
    for gradient in ("backprop", "adjoint"):
        ys = odebench.backend(f"torchdiffeq/dopri5/{gradient}", rtol=1e-9, atol=1e-9).odeint(
            Net(), double(1.0, 2.0), double(0.0, 1.0)
        )
        grads.append(torch.autograd.grad(ys[-1].sum(), list(net.parameters())))
    torch.testing.assert_close(grads[0], grads[1], rtol=1e-6, atol=1e-6)


ADJOINTS = ["adjoint", "seminorm"]


@pytest.mark.parametrize("gradient", ADJOINTS)
def test_a_parameter_under_two_names(gradient: str) -> None:
    """Its gradient is that of one tensor, not once more for each name."""
    a = double(0.7).requires_grad_()
    odeint = odebench.backend(f"torchdiffeq/dopri5/{gradient}", rtol=1e-9, atol=1e-9).odeint
    ys = odeint(lambda t, y, p: -(p["a"] + 2 * p["b"]) * y, double(1.0), double(0.0, 1.0), {"a": a, "b": a})
    (found,) = torch.autograd.grad(ys[-1].sum(), a)
    torch.testing.assert_close(found, -3 * torch.exp(-3 * a.detach()), rtol=1e-6, atol=0.0)


@pytest.mark.parametrize("gradient", ADJOINTS)
def test_captured_tensors_are_refused(gradient: str) -> None:
    """Rather than given no gradient: also where a parameter is computed from one; but not without grad."""
    a, y0, ts = double(0.7).requires_grad_(), double(1.0), double(0.0, 1.0)
    odeint = odebench.backend(f"torchdiffeq/dopri5/{gradient}").odeint
    with pytest.raises(Unsupported, match="requires grad"):
        odeint(lambda t, y: -a * y, y0, ts)
    with pytest.raises(Unsupported, match="requires grad"):
        odeint(lambda t, y, p: -a * p["b"] * y, y0, ts, {"b": 2 * a})
    with torch.no_grad():
        torch.testing.assert_close(odeint(lambda t, y: -a * y, y0, ts)[-1], torch.exp(-a), rtol=1e-5, atol=0.0)


@pytest.mark.parametrize("gradient", ADJOINTS)
def test_dynamics_that_depend_on_nothing(gradient: str) -> None:
    """Their flow is a translation, whose gradient is the cotangent, of a tensor and of a tree."""
    odeint = odebench.backend(f"torchdiffeq/dopri5/{gradient}").odeint
    for y0 in (double(1.0, 2.0), (double(1.0, 2.0), double(3.0))):
        leaves = [y0] if isinstance(y0, Tensor) else list(y0)
        ys = odeint(
            lambda t, y: torch.ones_like(y) if isinstance(y, Tensor) else tuple(torch.ones_like(x) for x in y),
            leaves[0].requires_grad_() if isinstance(y0, Tensor) else tuple(x.requires_grad_() for x in leaves),
            double(0.0, 1.0),
        )
        outputs = [ys] if isinstance(ys, Tensor) else ys
        found = torch.autograd.grad(sum(3 * x[-1].sum() for x in outputs), leaves)
        for g in found:
            torch.testing.assert_close(g, torch.full_like(g, 3.0))


def test_trees() -> None:
    """A dict is a tuple to torchdiffeq and a dict to f, and the norm sees a tree like y0."""
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
    ("rk4", lambda t, y: -y, {"num_steps": 50, "max_steps": 20}, Status.max_steps),
    ("dopri5", lambda t, y: y**2, {}, Status.underflow),
    ("dopri5", wall, {}, Status.non_finite),
    ("rk4", wall, {"num_steps": 10}, Status.non_finite),
]


@pytest.mark.parametrize(("solver", "g", "given", "status"), FAILURES)
def test_failures(solver: str, g: Any, given: dict[str, Any], status: Status) -> None:
    """An assertion of torchdiffeq's, or a NaN that it hands out, is a SolveError that says why."""
    with pytest.raises(SolveError) as caught:
        solve(solver, g, double(1.0), double(0.0, 2.0), **given)
    assert caught.value.status == status


def test_a_failing_backward_solve() -> None:
    """Backwards, where nobody could catch an assertion, too: here the dynamics are fine and their derivative is NaN."""
    y0 = double(1.0, 0.0).requires_grad_()
    backend = odebench.backend("torchdiffeq/dopri5/adjoint")
    ys = backend.odeint(lambda t, y: -torch.sqrt(y.abs()) * 0.1, y0, double(0.0, 1.0))
    assert torch.isfinite(ys).all()
    with pytest.raises(SolveError) as caught:
        ys[-1].sum().backward()
    assert caught.value.status == Status.non_finite


@pytest.mark.parametrize(
    ("solver", "given"),
    [
        ("dopri5", {"step": 0.1}),
        ("dopri5", {"num_steps": 3}),
        ("dopri5", {"min_step": 0.1}),
        ("rk4", {"first_step": 0.1}),
        ("rk4", {"min_step": 0.1}),
        ("rk4", {"norm": torch.norm}),
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
    """Refused in the words of the solvers of torch, before torchdiffeq sees it."""
    with pytest.raises(error):
        solve("dopri5", g, y0, torch.tensor(ts), **given)

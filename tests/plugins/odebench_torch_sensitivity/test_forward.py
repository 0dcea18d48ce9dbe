"""Forward sensitivities: the size of the problem that is solved, what it costs, and what its errors are judged by."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import odebench
from odebench import Stats, Unsupported
from odebench.adapter import Counts
from odebench_rungekutta import TABLEAUS
from odebench_torch.adapter import TorchAdapter
from odebench_torch.runge_kutta import RungeKutta
from odebench_torch_sensitivity.method import bind

SOLVERS = {tableau.name: RungeKutta(tableau) for tableau in TABLEAUS}
D, K = 3, 5


def f(t: Tensor, y: Tensor, p: dict[str, Tensor]) -> Tensor:
    return torch.tanh(y * p["a"] + p["b"].sum() * t) - y


def inputs() -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    def tensor(*values: float) -> Tensor:
        return torch.tensor(values, dtype=torch.float64, requires_grad=True)

    params = {"a": tensor(0.3, 1.0, 2.0), "b": tensor(0.5, 0.1), "unused": tensor(1.0).detach()}
    return tensor(0.1, 0.2, 0.3), tensor(0.0, 0.5, 1.5), params


class Spy:
    """A solver that remembers the state it was given and how it ended."""

    def __call__(self, f: Any, y0: Any, ts: Tensor, params: Any = None, **options: Any) -> tuple[Any, Stats]:
        self.state, self.options = y0, options
        ys, self.stats = SOLVERS["dopri5"](f, y0, ts, params, **options)
        return ys, self.stats


def test_the_size_of_the_problem() -> None:
    """D + D² + K D; D + K D when y0 is constant, and D more for the times."""
    y0, ts, p = inputs()

    def size(*args: Any) -> int:
        spy = Spy()
        bind(spy, {})(f, *args)
        return sum(leaf.numel() for leaf in spy.state)

    constant = {name: x.detach() for name, x in p.items()}
    assert size(y0, ts.detach(), p) == D + D * D + K * D
    assert size(y0.detach(), ts.detach(), p) == D + K * D
    assert size(y0, ts.detach(), constant) == D + D * D
    assert size(y0, ts, p) == D + D * D + K * D + D
    assert size(y0.detach(), ts.detach(), constant) == D


def test_one_evaluation_and_a_product_for_every_column() -> None:
    """By the harness's count: f as often as the solver says, and once to see what it captures; no VJP."""
    y0, ts, p = inputs()
    counts, spy = Counts(), Spy()
    ys = bind(spy, {})(TorchAdapter("cpu", "float64").counted(f, counts), y0, ts.detach(), p)
    assert (counts.f, counts.vjp, counts.jvp) == (spy.stats.nfe + 1, 0, (D + K) * spy.stats.nfe)
    ys.sum().backward()
    assert (counts.f, counts.vjp) == (spy.stats.nfe + 1, 0)
    assert (counts.earliest, counts.latest) == (0.0, 1.5)


def test_what_errors_are_judged_by() -> None:
    """Every sensitivity counts as a leaf; a norm of the user's sees y alone, and the sensitivities count still."""
    y0, ts, p = inputs()
    seen = set()

    def norm(y: Tensor) -> Tensor:
        seen.add(y.shape)
        return y.abs().max()

    _, plain = SOLVERS["dopri5"](f, y0, ts, p, rtol=1e-6, atol=1e-6)
    for given in (None, norm, lambda y: 0.0):
        spy = Spy()
        bind(spy, {"rtol": 1e-6, "atol": 1e-6, "norm": given})(f, y0, ts, p)
        assert spy.stats.accepted >= plain.accepted
    assert seen == {y0.shape}


def test_it_is_found_by_name_and_agrees_with_backprop() -> None:
    """``torch/tsit5/forward``, at tight tolerance."""
    y0, ts, p = inputs()
    found = []
    for method in ("forward", "backprop"):
        ys = odebench.backend(f"torch/tsit5/{method}", rtol=1e-10, atol=1e-12).odeint(f, y0, ts, p)
        found.append(torch.autograd.grad(ys.square().sum(), [y0, ts, p["a"], p["b"]]))
    for a, b in zip(*found, strict=True):
        assert torch.allclose(a, b, rtol=1e-6)


def test_a_captured_tensor_is_an_error() -> None:
    """By its shape, whether the times are differentiated or not; of f without params, from a late branch, too."""
    y0, ts, p = inputs()
    late = torch.ones(D, dtype=torch.float64, requires_grad=True)
    odeint = bind(SOLVERS["dopri5"], {})
    for times in (ts, ts.detach()):
        with pytest.raises(Unsupported, match=r"shape \(3,\).*pass it in params"):
            odeint(lambda t, y: late * y, y0, times)
        with pytest.raises(Unsupported, match=r"shape \(3,\).*pass it in params"):
            odeint(lambda t, y, p: late * f(t, y, p), y0, times, p)
    with pytest.raises(Unsupported, match=r"shape \(3,\).*pass it in params"):
        odeint(lambda t, y: late * y if t > 1 else y, y0, ts.detach())
    with torch.no_grad():
        odeint(lambda t, y: late * y, y0, ts)

"""Which functions share what is compiled: whatever a compiler makes a constant of tells them apart."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from odebench_rungekutta import TABLEAUS
from odebench_torch.compiled.compiler import CompiledSteps
from odebench_torch.compiled.function import function_of
from odebench_torch.compiled.identity import identity_of, mode_of_torch, snapshot
from odebench_torch.layout import Layout

SCALE: Any = 1.0


def made(captured: Any) -> Callable[..., Any]:
    """By the same lines every time."""

    def inner(t: Tensor, y: Tensor) -> Any:
        return captured * y

    return lambda t, y: inner(t, y)


def scaled(t: Tensor, y: Tensor) -> Any:
    return SCALE * y


def by_default(scale: Any) -> Callable[..., Any]:
    return lambda t, y, scale=scale: scale * y


def by_keyword(scale: Any) -> Callable[..., Any]:
    return lambda t, y, *, scale=scale: scale * y


def given(scale: Any) -> Callable[..., Any]:
    return partial(torch.mul, scale)


@pytest.mark.parametrize("make", [made, by_default, by_keyword, given])
@pytest.mark.parametrize(
    ("one", "other"),
    [(1.0, 2.0), (1, True), (1, 1.0), (0.0, -0.0), ([1], [2]), ((1,), (1.0,)), ({"a": 1}, {"a": 2}), ([[1]], [[2]])],
)
def test_numbers_and_containers_are_what_is_in_them(make: Any, one: Any, other: Any) -> None:
    assert identity_of(make(one)) == identity_of(make(one)) != identity_of(make(other))


def test_what_is_in_a_list_may_change() -> None:
    scale = [1.0]
    f = made(scale)
    before = identity_of(f)
    scale[0] = 2.0
    assert identity_of(f) != before


@pytest.mark.parametrize("inside", [lambda w: w, lambda w: (w,), lambda w: {"w": [w]}])
def test_a_tensor_is_itself(inside: Any) -> None:
    w = torch.ones(2)
    before = identity_of(made(inside(w)))
    assert before == identity_of(made(inside(w))) != identity_of(made(inside(w.clone())))
    w.mul_(2.0)
    assert identity_of(made(inside(w))) == before
    w.requires_grad_()
    assert identity_of(made(inside(w))) != before


def test_globals_that_it_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also those of a function of its own file that it calls."""
    both = [scaled, lambda t, y: scaled(t, y)]
    before = [identity_of(f) for f in both]
    assert [identity_of(f) for f in both] == before
    monkeypatch.setitem(globals(), "SCALE", 2.0)
    assert all(identity_of(f) != old for f, old in zip(both, before, strict=True))


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.Linear(2, 2), nn.Dropout())

    def forward(self, t: Tensor, y: Tensor) -> Any:
        return self.inner(y)


@pytest.mark.parametrize("of", [lambda net: net, lambda net: net.forward, made], ids=["module", "method", "captured"])
@pytest.mark.parametrize(
    "change", [lambda net: net.inner[1].eval(), lambda net: net.double(), lambda net: net.requires_grad_(False)]
)
def test_a_module_is_itself_and_how_it_is(of: Any, change: Any) -> None:
    net = Net()
    before = identity_of(of(net))
    assert before == identity_of(of(net)) != identity_of(of(Net()))
    change(net)
    assert identity_of(of(net)) != before


def test_a_function_may_call_itself_and_hold_what_is_not_there_yet() -> None:
    def itself(t: Tensor, y: Tensor) -> Any:
        return itself(t, y) + later

    before = identity_of(itself)
    assert before == identity_of(itself) == identity_of(snapshot(itself))
    later = 1.0
    assert identity_of(itself) != before
    assert identity_of(itself) == identity_of(snapshot(itself))


def test_a_snapshot_holds_what_was_captured_then() -> None:
    scale: Any = 2.0
    parts = [3.0]
    f = snapshot(lambda t, y: scale * parts[0] * y)
    scale, parts[0] = 4.0, 5.0
    assert f(0.0, 1.0) == 6.0


def test_the_settings_of_torch() -> None:
    device = torch.device("cpu")
    before = mode_of_torch(device)
    with torch.autocast("cpu", torch.bfloat16):
        assert mode_of_torch(device) != before
    torch.set_default_dtype(torch.float64)
    try:
        assert mode_of_torch(device) != before
    finally:
        torch.set_default_dtype(torch.float32)
    assert mode_of_torch(device) == before


def test_dynamics_are_searched_until_they_were() -> None:
    """Not only until they are compiled, as that may be without grad."""
    w = torch.ones(2, 2)

    def steps(f: Callable[..., Any]) -> CompiledSteps:
        return CompiledSteps(TABLEAUS[0], Layout(torch.ones(3, 2)), function_of(f, w), None, compiles=True)

    def f(t: Tensor, y: Tensor, w: Tensor) -> Tensor:
        return y @ w

    steps(f).forward(dense=False)
    assert not steps(f).searched
    steps(f).mark_searched()
    assert steps(f).searched


def test_parameters_are_contiguous() -> None:
    """As compiled code is not told of their strides."""
    function = function_of(lambda t, y, p: y @ p, torch.ones(2, 3).T)
    assert [tensor.is_contiguous() for tensor in function.detached()] == [True]

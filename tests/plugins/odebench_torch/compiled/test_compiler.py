"""What is really compiled: few functions of a small problem, shared by the tests, and nothing compiled twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from shutil import which
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import odebench
from odebench.adapter import Counts
from odebench.contract import Unsupported
from odebench_torch.adapter import TorchAdapter
from odebench_torch.compiled.compiler import Kept

# Of torch itself, as it imports what its compiler is made of.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning"),
    pytest.mark.skipif(which("g++") is None, reason="torch.compile needs a C++ compiler"),
    pytest.mark.skipif(
        " " in torch.__file__, reason="torch.compile cannot link from a folder with a space in its path"
    ),
]
ADAPTIVE = {"rtol": 1e-4, "atol": 1e-5}


def f(t: Tensor, y: Tensor, p: dict[str, Tensor]) -> Tensor:
    return torch.tanh(torch.sin(3 * t) * y @ p["w"]) * (1 + t)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def times(*ts: float) -> Tensor:
    return torch.tensor(ts, dtype=torch.float64)


@contextmanager
def nothing_compiled() -> Iterator[None]:
    with torch.compiler.set_stance("fail_on_recompile"):
        yield


def gradient(name: str, f: Callable[..., Tensor] = f, seed: int = 0, end: float = 2.0, **options: Any) -> list[Tensor]:
    """ys and the gradient of a loss with respect to y0 and w."""
    w, y0 = normal(2, 2, seed=seed).requires_grad_(), normal(3, 2, seed=seed + 1).requires_grad_()
    ys = odebench.backend(name, **options).odeint(f, y0, times(0.1, end), {"w": w})
    return [ys.detach(), *torch.autograd.grad(ys.sin().sum(), [y0, w])]


@pytest.mark.parametrize("method", ["backprop", "aca", "checkpoint", "adjoint"])
def test_it_is_the_eager_gradient_and_compiled_once(method: str) -> None:
    """In float64, to 1e-12 where the steps are equal; then, other tolerances, times, sizes and values compile nothing,
    and a function made anew by the same lines is the same."""
    name = f"torch/bosh3/{method}"
    fixed = {"num_steps": 5}
    for a, b in zip(gradient(name, compile=True, **fixed), gradient(name, **fixed), strict=True):
        assert (a - b).norm() <= 1e-12 * b.norm()
    with nothing_compiled():
        for options in ({"num_steps": 7, "seed": 3}, {"num_steps": 9, "end": -1.0}):
            for a, b in zip(gradient(name, compile=True, **options), gradient(name, **options), strict=True):
                assert (a - b).norm() <= 1e-12 * b.norm()


def test_tolerances_and_step_sizes_compile_nothing() -> None:
    """Of an adaptive solve, whose reverse is that of equal steps."""
    gradient("torch/bosh3/backprop", compile=True, **ADAPTIVE)
    with nothing_compiled():
        for options in ({"rtol": 1e-7, "atol": 0.0}, {**ADAPTIVE, "first_step": 0.01, "end": 0.7, "seed": 5}):
            found, expected = (gradient("torch/bosh3/backprop", **options, compile=c) for c in (True, False))
            for a, b in zip(found, expected, strict=True):
                assert (a - b).norm() <= 1e-9 * b.norm()


def test_functions_by_the_same_lines_are_told_apart_by_what_they_capture() -> None:
    """What is compiled is not guarded by its callee: the cache's key is all there is. Nor does it see what the variable
    holds later that the first function, which it was compiled of, has captured."""

    def ends(scales: list[Any]) -> list[float]:
        found = []
        odeint = odebench.backend("torch/euler/backprop", num_steps=1, compile=True).odeint
        for scale in scales:
            ys = odeint(lambda t, y: scale * y, torch.ones(2), torch.tensor([0.0, 1.0]))  # noqa: B023
            found.append(ys[-1, 0].item())
        return found

    scales = [torch.tensor(2.0), 4.0]
    assert ends(scales) == [3.0, 5.0]
    with nothing_compiled():
        assert ends(scales) == [3.0, 5.0]


@pytest.mark.parametrize("what", ["f", "norm"])
def test_what_cannot_be_traced_is_an_error(what: str) -> None:
    def branches(t: Tensor, y: Tensor) -> Tensor:
        return y if y.sum().item() > 0 else -y

    def norm(y: Tensor) -> float:
        return y.abs().max().item() if y.sum().item() > 0 else 1.0

    options: dict[str, Any] = {"norm": norm} if what == "norm" else {}
    odeint = odebench.backend("torch/bosh3/backprop", compile=True, **options).odeint
    with pytest.raises(Unsupported, match="compile=True: f or norm cannot be compiled by"):
        odeint(branches if what == "f" else lambda t, y: y, torch.ones(2), torch.tensor([0.0, 1.0]))


def test_the_oldest_is_forgotten() -> None:
    kept, made = Kept(2), []

    def ask(key: str) -> None:
        kept(key, lambda: made.append(key) or (lambda: key))

    for key in "abacab":
        ask(key)
    assert made == ["a", "b", "c", "b"]


@pytest.mark.parametrize("gradient", ["backprop", "aca", "adjoint", "seminorm"])
def test_the_harness_counts_it(gradient: str) -> None:
    """NFE of the forward solve as the eager engine's, and as many products as stages in the backward one; to keep
    activations is to evaluate nothing again."""
    adapter, p, y0 = TorchAdapter("cpu", "float64"), {"w": normal(2, 2)}, normal(3, 2)

    def counted(compile: bool) -> tuple[int, Counts]:  # noqa: A002
        counts = Counts()
        odeint = odebench.backend(f"torch/dopri5/{gradient}", **ADAPTIVE, compile=compile).odeint
        leaves = {name: leaf.detach().requires_grad_() for name, leaf in p.items()}
        ys = odeint(adapter.counted(f, counts), y0, times(0.1, 2.0), leaves)
        forward = counts.f
        ys[-1].sum().backward()
        return forward, counts

    with nothing_compiled():
        (nfe, counts), (expected_nfe, expected) = counted(True), counted(False)
    assert nfe == expected_nfe
    assert counts.vjp == expected.vjp
    assert (counts.earliest, counts.latest) == pytest.approx((0.1, 2.0))
    if gradient in ("backprop", "aca"):
        assert counts.f - nfe == (0 if gradient == "backprop" else counts.vjp)


def test_activations_are_there_as_long_as_the_graph_is() -> None:
    """As of a function of autograd's own: twice, if it is told to keep the graph; an output inside a step is part of
    it; and the derivative with respect to times is that of ``aca``, which takes each step again."""
    w, y0 = normal(2, 2).requires_grad_(), normal(3, 2).requires_grad_()
    found = {}
    for gradient in ("backprop", "aca"):
        odeint = odebench.backend(f"torch/dopri5/{gradient}", **ADAPTIVE, compile=True).odeint
        loss = odeint(f, y0, times(0.1, 0.2, 0.25, 1.0, 2.0), {"w": w}).sin().sum()
        first = torch.autograd.grad(loss, [y0, w], retain_graph=True)
        found[gradient] = torch.autograd.grad(loss, [y0, w])
        assert all(map(torch.equal, first, found[gradient]))
        with pytest.raises(RuntimeError, match="a second time"):
            torch.autograd.grad(loss, [y0, w])
    for a, b in zip(*found.values(), strict=True):
        assert (a - b).norm() <= 1e-12 * b.norm()
    ts = times(0.1, 2.0).requires_grad_()
    ys = odebench.backend("torch/dopri5/backprop", **ADAPTIVE, compile=True).odeint(f, y0, ts, {"w": w})
    (found_ts,) = torch.autograd.grad(ys[-1].sum(), ts)
    torch.testing.assert_close(found_ts[1], f(ts[1], ys[-1], {"w": w}).sum(), rtol=1e-3, atol=0.0)


@pytest.mark.parametrize("gradient", ["aca", "checkpoint"])
def test_it_keeps_states_alone(gradient: str) -> None:
    """In bytes: a state a step, or as many as are allowed."""
    adapter, y0 = TorchAdapter("cpu", "float64"), normal(3, 2)
    options: dict[str, Any] = {"checkpoints": 5} if gradient == "checkpoint" else {}
    p = {name: leaf.detach() for name, leaf in {"w": normal(2, 2)}.items()}

    def kept(steps: int) -> float:
        odeint = odebench.backend(f"torch/dopri5/{gradient}", num_steps=steps, compile=True, **options).odeint
        return adapter.memory(lambda p, y0: odeint(f, y0, times(0.1, 2.0), p).sum(), p, y0)["kept_bytes"]

    further = kept(80) - kept(40)
    assert further == (40 * y0.nbytes if gradient == "aca" else 0)


class Twice(nn.Module):
    """One layer by two names, and another that shares its weight."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(2, 2, dtype=torch.float64)
        self.second, self.third = self.first, nn.Linear(2, 2, dtype=torch.float64)
        self.third.weight = self.first.weight

    def forward(self, t: Tensor, y: Tensor) -> Tensor:
        found: Tensor = self.third(torch.tanh(self.second(torch.tanh(self.first(y)))))
        return found


@pytest.mark.parametrize("named", [False, True])
def test_a_module_with_tied_parts_is_left_as_it_was(*, named: bool) -> None:
    torch.manual_seed(0)
    net, y0, found = Twice(), normal(3, 2), []
    own = dict(net.named_parameters())
    for options in ({"compile": True}, {}):
        odeint = odebench.backend("torch/rk4/backprop", num_steps=3, **options).odeint
        ys = odeint(net, y0, times(0.1, 2.0), own if named else None)
        found.append(torch.autograd.grad(ys.sin().sum(), list(own.values())))
    assert all(parameter is own[name] for name, parameter in net.named_parameters())
    for a, b in zip(*found, strict=True):
        assert (a - b).norm() <= 1e-12 * b.norm()


def test_dynamics_that_change_a_tensor_are_refused() -> None:
    def counts(t: Tensor, y: Tensor, p: Tensor) -> Tensor:
        return y * p.add_(1)

    odeint = odebench.backend("torch/rk4/backprop", num_steps=3, compile=True).odeint
    with pytest.raises(Unsupported, match="in place"):
        odeint(counts, normal(3, 2).requires_grad_(), times(0.1, 2.0), normal(2))

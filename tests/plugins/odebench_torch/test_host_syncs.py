"""How often a solve waits for the device: once for a step whose size is to be judged, and never for a fixed one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from odebench.contract import OdeInt
from odebench_rungekutta import TABLEAUS
from odebench_torch.runge_kutta import RungeKutta
from odebench_torch_adjoint.method import bind as adjoint
from odebench_torch_backprop.method import bind as backprop
from odebench_torch_checkpoint.method import bind_all as aca

DOPRI5 = RungeKutta(next(tableau for tableau in TABLEAUS if tableau.name == "dopri5"))
METHODS: dict[str, Callable[..., OdeInt]] = {"backprop": backprop, "aca": aca, "adjoint": adjoint}
WAITS = ("item", "tolist", "numpy", "cpu", "__bool__", "__float__", "__int__", "__index__")


class Waits:
    """Counts what brings a tensor's values to the host, in a backward pass, too, which no mode of torch's sees."""

    def __enter__(self) -> Waits:
        self.count = 0
        self._patch = pytest.MonkeyPatch()
        for name in WAITS:
            self._patch.setattr(Tensor, name, self._counted(getattr(Tensor, name)))
        return self

    def __exit__(self, *_: object) -> None:
        self._patch.undo()

    def _counted(self, wait: Callable[..., Any]) -> Callable[..., Any]:
        def counting(*args: Any, **kwargs: Any) -> Any:
            self.count += 1
            return wait(*args, **kwargs)

        return counting


def test_every_way_to_wait_is_counted() -> None:
    """Each once; without this the other test might count nothing."""
    x = torch.ones(())
    with Waits() as waits:
        ways = (x.item(), x.tolist(), x.numpy(), x.cpu(), bool(x), float(x), int(x), range(3)[x.long()])
    assert waits.count == len(ways)


def f(t: Tensor, y: Any, p: Tensor) -> Any:
    if isinstance(y, tuple):
        return tuple(torch.cos(9 * t * leaf) @ p for leaf in y)
    return torch.cos(9 * t * y) @ p


def waits_and_attempts(method: str, end: float, y: Any, *, backwards: bool, **options: Any) -> tuple[int, int]:
    attempts = 0

    def solve(f: Any, y0: Any, ts: Tensor, params: Any = None, *, checkpoints: Any = None, **options: Any) -> Any:
        nonlocal attempts
        ys, stats = DOPRI5(f, y0, ts, params, checkpoints=checkpoints, **options)
        attempts += stats.accepted + stats.rejected
        return ys, stats

    p = torch.tensor([[0.3, -1.0], [1.0, 0.2]], requires_grad=backwards)
    with Waits() as waits:
        ys = METHODS[method](solve, options)(f, y, torch.tensor([0.0, end]), p)
        if backwards:
            torch.autograd.grad(sum(leaf[-1].sum() for leaf in (ys if isinstance(ys, tuple) else (ys,))), p)
    return waits.count, attempts


@pytest.mark.parametrize("state", ["tensor", "tuple"])
@pytest.mark.parametrize("backwards", [False, True], ids=["forward", "gradient"])
@pytest.mark.parametrize("method", METHODS)
def test_one_wait_a_step_and_none_on_fixed_steps(method: str, backwards: bool, state: str) -> None:
    """Longer solves wait once more for every step more that was tried, forwards and, of the adjoint, backwards."""
    y: Any = torch.linspace(-1, 1, 6).view(3, 2)
    y = (y, y[:1]) if state == "tuple" else y
    short, long = (waits_and_attempts(method, end, y, backwards=backwards, rtol=1e-5) for end in (0.5, 3.0))
    assert long[1] > short[1] + 10
    assert long[0] - short[0] == long[1] - short[1]
    few, many = (waits_and_attempts(method, 1.0, y, backwards=backwards, num_steps=n) for n in (3, 30))
    assert many[1] > few[1] + 20
    assert many[0] == few[0]

"""The path of a solve: through the states that the solver reaches, as accurate between them as it promises."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from odebench_rungekutta import TABLEAUS
from odebench_torch.runge_kutta import RungeKutta

TABLES = {tableau.name: tableau for tableau in TABLEAUS}


def f(t: Tensor, y: dict[str, Tensor]) -> dict[str, Tensor]:
    return {"x": y["v"], "v": -y["x"] * (1 + 0 * t)}


def oscillator() -> dict[str, Tensor]:
    return {"x": torch.tensor([0.0, 1.0], dtype=torch.float64), "v": torch.tensor([1.0, 0.0], dtype=torch.float64)}


def error(name: str, steps: int, sign: float = 1.0) -> float:
    """The largest of the path, half-way through the steps and elsewhere."""
    ts = torch.tensor([0.0, sign * 1.0, sign * 2.0], dtype=torch.float64)
    _, _, path = RungeKutta(TABLES[name]).dense(f, oscillator(), ts, num_steps=steps)
    times = sign * torch.linspace(0, 2, 4 * steps + 3, dtype=torch.float64)
    return max((path(t)["x"][0] - t.sin()).abs().item() for t in times)


@pytest.mark.parametrize(
    ("name", "order"), [("euler", 1), ("rk4", 3), ("bosh3", 3), ("dopri5", 4), ("tsit5", 4), ("dopri8", 4)]
)
def test_order(name: str, order: int) -> None:
    """Half the step divides the error by 2^order at least, of own dense output and of Hermite's cubic (dopri8)."""
    for sign in (1.0, -1.0):
        assert error(name, 8, sign) / error(name, 16, sign) > 0.8 * 2**order


@pytest.mark.parametrize("name", ["dopri5", "fehlberg45", "rk4", "dopri8"])
def test_it_goes_through_the_outputs(name: str) -> None:
    """``ys`` and statistics are the call's; the path has the outputs' values there, and is continuous at every knot."""
    solve, ts = RungeKutta(TABLES[name]), torch.tensor([0.0, 0.4, 3.0], dtype=torch.float64)
    options = {"rtol": 1e-5, "atol": 1e-7} if TABLES[name].adaptive else {"num_steps": 9}
    ys, stats, path = solve.dense(f, oscillator(), ts, **options)
    expected, expected_stats = solve(f, oscillator(), ts, **options)
    more = name in ("fehlberg45", "dopri8")  # a slope at the end, for the last cubic
    assert stats == expected_stats._replace(nfe=expected_stats.nfe + more)
    for leaf in ("x", "v"):
        assert torch.equal(ys[leaf], expected[leaf])
        for t, y in zip(ts, ys[leaf], strict=True):
            assert torch.allclose(path(t)[leaf], y, rtol=1e-13, atol=1e-14)
        for t in path.times[1:-1]:
            assert torch.allclose(path(t * (1 - 1e-12))[leaf], path(t * (1 + 1e-12))[leaf], atol=1e-11)


def test_a_single_time_and_no_graph() -> None:
    """With T = 1 the path is y0; nothing requires grad."""
    solve, y0 = RungeKutta(TABLES["dopri5"]), oscillator()
    y0["x"].requires_grad_()
    ys, _, path = solve.dense(f, y0, torch.tensor([0.5], dtype=torch.float64))
    assert torch.equal(path(0.5)["v"], y0["v"])
    assert torch.equal(ys["v"][0], y0["v"])
    ys, _, path = solve.dense(f, y0, torch.tensor([0.5, 1.0], dtype=torch.float64))
    assert not ys["x"].requires_grad
    assert not path(0.7)["x"].requires_grad

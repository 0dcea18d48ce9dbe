"""The torch engine's forward solve: accuracy, counts, times, states, options."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from odebench import ExplicitRungeKutta
from odebench_rungekutta import TABLEAUS
from odebench_torch.runge_kutta import RungeKutta

SOLVERS = {tableau.name: RungeKutta(tableau) for tableau in TABLEAUS}
DENSE = [t.name for t in TABLEAUS if t.dense is not None]
ADAPTIVE = [t.name for t in TABLEAUS if t.adaptive]
NO_DENSE = ExplicitRungeKutta("heun_landing", 2, [0, 1], [[], [1]], [0.5, 0.5])


def times(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def rotation(t: Tensor, y: Tensor) -> Tensor:
    """Solved by the point that turns with angular velocity 1."""
    return torch.stack([-y[1], y[0]])


def turned(ts: Tensor) -> Tensor:
    return torch.stack([ts.cos(), ts.sin()], dim=1)


START = times(1.0, 0.0)


def recorded(f: Callable[..., Any]) -> tuple[Callable[..., Any], list[float]]:
    seen: list[float] = []

    def wrapped(t: Tensor, *args: Any) -> Any:
        seen.append(t.item())
        return f(t, *args)

    return wrapped, seen


@pytest.mark.parametrize("name", ["midpoint", "bosh3", "rk4", "dopri5"])
def test_order_at_the_end(name: str) -> None:
    """The slope of error against step size, by halving, is the method's order."""
    solver, ts = SOLVERS[name], times(0.0, 3.0)
    errors = [(solver(rotation, START, ts, num_steps=n)[0][-1] - turned(ts)[-1]).norm().item() for n in (40, 80, 160)]
    slopes = [math.log2(a / b) for a, b in itertools.pairwise(errors)]
    assert slopes == pytest.approx([solver.tableau.order] * 2, abs=0.2)


@pytest.mark.parametrize("name", DENSE)
def test_dense_output_keeps_the_order(name: str) -> None:
    """Outputs between knots lose at most one order locally, that is none globally."""
    solver, ts = SOLVERS[name], torch.linspace(0, 3, 38, dtype=torch.float64)
    errors = []
    for n in (20, 40):
        ys, stats = solver(rotation, START, ts, num_steps=n)
        assert stats.accepted == n
        errors.append((ys - turned(ts)).norm(dim=1).max().item())
    assert math.log2(errors[0] / errors[1]) > solver.tableau.order - 0.3


@pytest.mark.parametrize("name", ADAPTIVE)
def test_adaptive_error_follows_the_tolerance(name: str) -> None:
    """Tightening rtol a hundredfold makes the error fall tenfold at least, and it ends within a few rtol."""
    errors = [
        (SOLVERS[name](rotation, START, times(0, 5), rtol=rtol, atol=rtol)[0][-1] - turned(times(5))[0]).norm().item()
        for rtol in (1e-4, 1e-6)
    ]
    assert errors[1] < errors[0] / 10
    assert errors[1] < 1e-4


def test_nfe_of_dopri5_is_two_and_six_an_attempt() -> None:
    """f is called at the start, at the probe and six times an attempt; the count is what f sees."""
    f, seen = recorded(lambda t, y: torch.cos(20 * t * y))
    _, stats = SOLVERS["dopri5"](f, START, times(0, 2.0), rtol=1e-4, atol=1e-4)
    assert stats.rejected > 0
    assert stats.nfe == len(seen) == 2 + 6 * (stats.accepted + stats.rejected)


def test_first_step_saves_the_probe() -> None:
    """With first_step f is not probed, and the first step has that size."""
    f, seen = recorded(rotation)
    _, stats = SOLVERS["dopri5"](f, START, times(0, 2.0), first_step=0.125)
    assert stats.nfe == len(seen) == 1 + 6 * (stats.accepted + stats.rejected)
    assert max(seen[:7]) == 0.125


@pytest.mark.parametrize(
    ("name", "per_step", "once"), [("euler", 1, 0), ("rk4", 4, 0), ("dopri5", 6, 1), ("bosh3", 3, 1)]
)
def test_nfe_of_fixed_steps(name: str, per_step: int, once: int) -> None:
    """Fixed steps cost the stages alone; with FSAL one stage is had from the step before."""
    f, seen = recorded(rotation)
    _, stats = SOLVERS[name](f, START, times(0, 2.0), num_steps=7)
    assert stats.nfe == len(seen) == once + 7 * per_step
    assert (stats.accepted, stats.rejected, stats.next_step) == (7, 0, 0.0)


def test_step_size_without_drift_and_with_a_remainder() -> None:
    """Knots are ts[0] + m·step; the last step is what remains, unless that is a sliver."""
    f, seen = recorded(rotation)
    SOLVERS["euler"](f, START, times(1.0, 2.05), step=0.1)
    assert seen == pytest.approx([1 + 0.1 * m for m in range(11)], abs=1e-15)
    f, seen = recorded(rotation)
    SOLVERS["euler"](f, START, times(0.0, 1.00001), step=0.1)
    assert len(seen) == 10


def test_one_step_an_interval_without_options() -> None:
    """A method that is not adaptive and is told nothing steps from output to output."""
    f, seen = recorded(rotation)
    SOLVERS["euler"](f, START, times(0, 0.5, 0.6, 2.0))
    assert seen == [0, 0.5, 0.6]


def test_euler_is_the_residual_recursion() -> None:
    """Euler with L steps of size 1 is y + f(y), L times, to the bit."""
    y = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    ys, _ = SOLVERS["euler"](lambda t, y: torch.tanh(y), y, torch.arange(6.0))
    for n in range(5):
        assert torch.equal(ys[n + 1], ys[n] + torch.tanh(ys[n]))


@pytest.mark.parametrize("name", ["dopri5", "dopri8", "rk4"])
@pytest.mark.parametrize("options", [{}, {"step": 0.3}, {"num_steps": 11}], ids=["adaptive", "step", "num_steps"])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_lands_on_the_last_time_and_never_passes_it(name: str, options: dict[str, Any], sign: float) -> None:
    """f is called from ts[0] to ts[-1], at both of them, and never outside; in float32, too."""
    for dtype in (torch.float32, torch.float64):
        f, seen = recorded(rotation)
        ts = sign * torch.tensor([0.1, 0.4, 1.3, 2.7], dtype=dtype)
        SOLVERS[name](f, START.to(dtype), ts, **options)
        assert max(sign * t for t in seen) == sign * ts[-1].item()
        assert min(sign * t for t in seen) == sign * ts[0].item()


def test_without_dense_output_every_output_is_landed_on() -> None:
    """A tableau without dense weights has every output among its knots, whatever makes the steps."""
    ts = times(0, 0.25, 0.31, 1.0)
    for solver, options in [
        (RungeKutta(NO_DENSE), {"step": 0.1}),
        (SOLVERS["dopri8"], {}),
        (SOLVERS["fehlberg45"], {}),
    ]:
        f, seen = recorded(rotation)
        ys, _ = solver(f, START, ts, **options)
        assert set(ts.tolist()) <= set(seen) | {1.0}
        assert torch.allclose(ys, turned(ts), atol=1e-2)


def test_clipped_steps_do_not_slow_the_controller() -> None:
    """Landing on many outputs hardly costs a step beside one for each output."""
    many = torch.linspace(0, 10, 101, dtype=torch.float64)
    _, stats = SOLVERS["dopri8"](rotation, START, many, rtol=1e-8, atol=1e-8)
    assert stats.accepted + stats.rejected <= 103


@pytest.mark.parametrize("name", ["dopri5", "tsit5", "bosh3", "rk4"])
def test_an_output_on_a_knot_is_the_knot(name: str) -> None:
    """A fixed-step solve returns the same bits whether an output falls on a knot or is asked for alone."""
    solver = SOLVERS[name]
    ys, _ = solver(rotation, START, times(0, 0.5, 1.0), num_steps=8)
    half, _ = solver(rotation, START, times(0, 0.5), num_steps=4)
    assert torch.equal(ys[1], half[-1])


def test_backwards_in_time() -> None:
    """Descending times integrate backwards: there and back again is where it began."""
    solve = SOLVERS["dopri5"]
    there, _ = solve(rotation, START, times(0, 1, 2.5), rtol=1e-9, atol=1e-9)
    back, _ = solve(rotation, there[-1], times(2.5, 1, 0), rtol=1e-9, atol=1e-9)
    assert torch.allclose(back, there.flip(0), atol=1e-7)


def test_a_single_time_needs_no_call() -> None:
    """With T = 1 the answer is y0, and f is not called."""
    f, seen = recorded(rotation)
    ys, stats = SOLVERS["dopri5"](f, START, times(0.3))
    assert torch.equal(ys, START[None])
    assert not seen
    assert stats.nfe == 0


def test_states_are_trees() -> None:
    """A nested state gives what the same state gives as one tensor under the same norm, leaf by leaf."""

    def tree(t: Tensor, y: dict[str, Any], k: Tensor) -> dict[str, Any]:
        return {"a": -k * y["a"], "b": (y["b"][0] * t, [y["b"][1][0].sin()])}

    y0 = {"a": torch.ones(2, 3, dtype=torch.float64), "b": (times(2.0)[0], [torch.ones(4, 1, dtype=torch.float64)])}
    ts = times(0, 0.7, 2.0)
    ys, _ = SOLVERS["dopri5"](tree, y0, ts, times(0.5)[0], rtol=1e-10, atol=1e-10)
    assert ys["a"].shape == (3, 2, 3)
    assert torch.allclose(ys["a"][:, 0, 0], torch.exp(-0.5 * ts))
    assert torch.allclose(ys["b"][0], 2 * torch.exp(ts**2 / 2))
    assert ys["b"][1][0].shape == (3, 4, 1)


def test_dtype_is_kept_and_time_is_not_rounded_before_it_must() -> None:
    """y keeps float32 under float64 times; f sees times of y's dtype."""
    dtypes = set()

    def f(t: Tensor, y: Tensor) -> Tensor:
        dtypes.add(t.dtype)
        return -y

    ys, _ = SOLVERS["dopri5"](f, torch.ones(3), times(0, 1))
    assert ys.dtype == torch.float32
    assert dtypes == {torch.float32}


def test_no_leaf_is_diluted_by_others() -> None:
    """The default norm is the largest leaf's, so that idle leaves change no step; one long tensor would."""
    idle = torch.zeros(10_000, dtype=torch.float64)
    solve, ts = SOLVERS["dopri5"], times(0, 10)
    alone = solve(rotation, START, ts)[1]
    beside = solve(lambda t, y: (rotation(t, y[0]), torch.zeros_like(idle)), (START, idle), ts)[1]
    assert beside == alone
    diluted = solve(lambda t, y: torch.cat([rotation(t, y), torch.zeros_like(idle)]), torch.cat([START, idle]), ts)[1]
    assert diluted.nfe < alone.nfe


def test_custom_norm_sees_the_tree() -> None:
    """A norm that looks at one leaf controls that leaf's error alone."""
    y0 = {"slow": times(1.0), "fast": times(1.0)}

    def f(t: Tensor, y: dict[str, Tensor]) -> dict[str, Tensor]:
        return {"slow": -y["slow"], "fast": torch.cos(50 * t) * y["fast"]}

    both = SOLVERS["dopri5"](f, y0, times(0, 2))[1]
    slow = SOLVERS["dopri5"](f, y0, times(0, 2), norm=lambda e: e["slow"].abs().max())[1]
    assert slow.nfe < both.nfe / 2


def test_forms_of_dynamics_agree() -> None:
    """f(t, y, params), f(t, y), a module and a module called with a dict of parameters are the same function."""

    class Linear(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(2, 2, dtype=torch.float64)

        def forward(self, t: Tensor, y: Tensor) -> Tensor:
            return self.layer(y) + t

    module = Linear()
    params = {name: p.detach() for name, p in module.named_parameters()}

    def f(t: Tensor, y: Tensor, p: dict[str, Tensor]) -> Tensor:
        return torch.nn.functional.linear(y, p["layer.weight"], p["layer.bias"]) + t

    solve, ts = SOLVERS["dopri5"], times(0, 1)
    results = [
        solve(f, START, ts, params)[0],
        solve(lambda t, y: f(t, y, params), START, ts)[0],
        solve(module, START, ts)[0],
        solve(module, START, ts, params)[0],
    ]
    for ys in results[1:]:
        assert torch.equal(ys, results[0])


@settings(max_examples=40, deadline=None)
@given(
    rate=st.floats(-2, 2),
    start=st.floats(-3, 3),
    gaps=st.lists(st.floats(1e-3, 2), min_size=1, max_size=6),
    sign=st.sampled_from([1.0, -1.0]),
    name=st.sampled_from(["dopri5", "tsit5", "dopri8"]),
)
def test_linear_problems_anywhere(rate: float, start: float, gaps: list[float], sign: float, name: str) -> None:
    """y' = λ y is solved to the tolerance for any rate, any direction and any output times."""
    ts = start + sign * torch.tensor([0.0, *gaps], dtype=torch.float64).cumsum(0)
    ys, stats = SOLVERS[name](lambda t, y: rate * y, times(1.5), ts, rtol=1e-8, atol=1e-10)
    assert torch.allclose(ys[:, 0], 1.5 * torch.exp(rate * (ts - ts[0])), rtol=1e-5, atol=1e-8)
    assert stats.status == 0

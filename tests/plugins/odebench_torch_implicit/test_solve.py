"""The implicit torch engine's forward solve: orders, stiff problems, counts, states, options."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp
from torch import Tensor

import odebench
from odebench_implicit import TABLEAUS
from odebench_torch_implicit.engine import ImplicitRungeKutta

TABLES = {tableau.name: tableau for tableau in TABLEAUS}
SOLVERS = {name: ImplicitRungeKutta(tableau) for name, tableau in TABLES.items()}
ADAPTIVE = [name for name, tableau in TABLES.items() if tableau.adaptive]
PHASES = torch.arange(4, dtype=torch.float64)
# Steps of the coarser grid, by order.
STEPS = {1: 100, 2: 40, 3: 30, 4: 25, 5: 25}


def times(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def swing(t: Tensor, y: Tensor) -> Tensor:
    """Solved by ``(exp(sin s), exp(cos s))`` with ``s = t + 0.8 sin(t + φ)``."""
    log, speed = y.log(), 1 + 0.8 * torch.cos(t + PHASES)
    return torch.stack([speed * y[0] * log[1], -speed * y[1] * log[0]])


def swung(ts: Tensor) -> Tensor:
    s = ts[:, None] + 0.8 * torch.sin(ts[:, None] + PHASES)
    return torch.stack([s.sin().exp(), s.cos().exp()], dim=1)


def rotation(t: Tensor, y: Tensor) -> Tensor:
    return torch.stack([-y[1], y[0]])


def counted(f: Callable[..., Any]) -> tuple[Callable[..., Any], list[float]]:
    seen: list[float] = []

    def wrapped(t: Tensor, *args: Any) -> Any:
        seen.append(t.item())
        return f(t, *args)

    return wrapped, seen


@pytest.mark.parametrize("name", TABLES)
@torch.no_grad()
def test_order(name: str) -> None:
    """Under halving the error falls by the method's order, at the end and at outputs inside of steps."""
    order = TABLES[name].order
    n = STEPS[order]
    # θ = 1/3 and 2/3 of coarse steps: two halvings restore θ, on which the error of an interpolant depends.
    inside = [(k * n // 5 + theta) / n for k, theta in ((1, 1 / 3), (2, 2 / 3), (3, 1 / 3))]
    ts = 3 * times(0.0, *inside, 1.0)
    coarse, fine = (
        (SOLVERS[name](swing, swung(ts[:1])[0], ts, num_steps=count)[0] - swung(ts)).flatten(1) for count in (n, 4 * n)
    )
    for outputs in (slice(1, -1), slice(-1, None)):
        observed = math.log2(coarse[outputs].norm().item() / fine[outputs].norm().item()) / 2
        assert observed == pytest.approx(order, abs=0.25)


@pytest.mark.parametrize("name", ADAPTIVE)
@torch.no_grad()
def test_adaptive_error_follows_the_tolerance(name: str) -> None:
    """Tightening the tolerance a hundredfold makes the error fall tenfold at least, to within a hundred of it."""
    ts = times(0, 1, 3)
    errors = [
        (SOLVERS[name](swing, swung(ts[:1])[0], ts, rtol=tol, atol=tol)[0] - swung(ts)).abs().max().item()
        for tol in (1e-3, 1e-5)
    ]
    assert errors[1] < errors[0] / 10
    assert errors[1] < 1e-3


def van_der_pol(mu: float, xp: Any) -> Callable[..., Any]:
    return lambda t, y: xp.stack([y[1], mu * (1 - y[0] ** 2) * y[1] - y[0]])


def robertson(xp: Any) -> Callable[..., Any]:
    def f(t: Any, y: Any) -> Any:
        slow, fast = 0.04 * y[0] - 1e4 * y[1] * y[2], 3e7 * y[1] ** 2
        return xp.stack([-slow, slow - fast, fast])

    return f


@pytest.mark.parametrize("name", ["kvaerno5"])
@torch.no_grad()
def test_stiff_van_der_pol(name: str) -> None:
    """mu = 1000 on [0, 2000], over two jumps, against SciPy's Radau; explicit methods need millions of steps."""
    radau = solve_ivp(van_der_pol(1000.0, np), (0, 2000), [2.0, 0.0], method="Radau", rtol=1e-7, atol=1e-9)
    ys, stats = SOLVERS[name](van_der_pol(1000.0, torch), times(2, 0), times(0, 2000), rtol=1e-5, atol=1e-7)
    assert ys[-1, 0].item() == pytest.approx(radau.y[0, -1], abs=1e-3)
    assert stats.accepted < 2000


@pytest.mark.parametrize("name", ADAPTIVE)
@torch.no_grad()
def test_robertson(name: str) -> None:
    """Robertson's kinetics to 10⁵ against SciPy's Radau; the masses add up."""
    radau = solve_ivp(robertson(np), (0, 1e5), [1.0, 0.0, 0.0], method="Radau", rtol=1e-9, atol=1e-13)
    ys, stats = SOLVERS[name](robertson(torch), times(1, 0, 0), times(0, 1e5), rtol=1e-4, atol=1e-8)
    assert ys[-1].numpy() == pytest.approx(radau.y[:, -1], abs=1e-3)
    assert ys[-1].sum().item() == pytest.approx(1, abs=1e-9)
    assert stats.accepted < 1000


@torch.no_grad()
def test_an_l_stable_method_damps_at_once() -> None:
    """y' = -10⁶ (y - cos t) in steps of 0.1: what is L-stable is on the slow solution after one, trapezoid is not."""

    def f(t: Tensor, y: Tensor) -> Tensor:
        return -1e6 * (y - torch.cos(t))

    for name, solver in SOLVERS.items():
        ys, _ = solver(f, times(2.0), times(0, 0.3, 0.5), step=0.1)
        close = (ys[1:, 0] - times(0.3, 0.5).cos()).abs().max() < 1e-2
        assert close == (name not in {"trapezoid", "implicit_midpoint"})


@pytest.mark.parametrize("name", ["kvaerno4", "trbdf2", "backward_euler", "implicit_midpoint"])
@torch.no_grad()
def test_gmres_is_the_dense_path(name: str) -> None:
    """Without a matrix the same problem has the same solution; fixed steps agree almost to rounding."""
    krylov, ts = ImplicitRungeKutta(TABLES[name], dense_up_to=0), times(0, 0.7, 2)
    one, _ = SOLVERS[name](swing, swung(ts[:1])[0], ts, num_steps=40)
    other, _ = krylov(swing, swung(ts[:1])[0], ts, num_steps=40)
    assert torch.allclose(one, other, rtol=1e-9, atol=1e-9)
    if TABLES[name].adaptive:
        stiff, _ = krylov(robertson(torch), times(1, 0, 0), times(0, 1), rtol=1e-5, atol=1e-9)
        dense, _ = SOLVERS[name](robertson(torch), times(1, 0, 0), times(0, 1), rtol=1e-5, atol=1e-9)
        assert torch.allclose(stiff, dense, rtol=1e-4, atol=1e-7)


@torch.no_grad()
def test_no_matrix_of_a_large_state() -> None:
    """The heat equation on 2 000 points: no tensor of n² numbers is made, and the decay of a mode is right."""
    n = 2000
    x = torch.linspace(0, 1, n + 2, dtype=torch.float64)[1:-1]
    largest = 0

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            nonlocal largest
            out = func(*args, **(kwargs or {}))
            if isinstance(out, Tensor):
                largest = max(largest, out.numel())
            return out

    def heat(t: Tensor, y: Tensor) -> Tensor:
        wide = torch.nn.functional.pad(y, (1, 1))
        return 1e-5 * (n + 1) ** 2 * (wide[2:] - 2 * y + wide[:-2])

    start = torch.sin(3 * torch.pi * x)
    with Watch():
        ys, _ = SOLVERS["kvaerno3"](heat, start, times(0, 10), rtol=1e-4, atol=1e-6)
    rate = 4e-5 * (n + 1) ** 2 * np.sin(1.5 * np.pi / (n + 1)) ** 2
    assert torch.allclose(ys[-1], start * np.exp(-10 * rate), atol=1e-4)
    assert largest <= 60 * n


@pytest.mark.parametrize("name", ["kvaerno3", "trbdf2", "kvaerno5", "sdirk2"])
@pytest.mark.parametrize("options", [{}, {"step": 0.3}, {"num_steps": 11}], ids=["adaptive", "step", "num_steps"])
@pytest.mark.parametrize("sign", [1.0, -1.0])
@torch.no_grad()
def test_times(name: str, options: dict[str, Any], sign: float) -> None:
    """nfe is what f sees, f is called from ts[0] to ts[-1] (kvaerno5 has a stage beyond), in both directions."""
    for dtype in (torch.float32, torch.float64):
        f, seen = counted(rotation)
        ts = sign * torch.tensor([0.1, 0.4, 1.3, 2.7], dtype=dtype)
        tolerance = {"rtol": 1e-4, "atol": 1e-4}
        ys, stats = SOLVERS[name](f, torch.tensor([1.0, 0.0], dtype=dtype), ts, **tolerance, **options)
        assert stats.nfe == len(seen)
        assert ys.dtype == dtype
        assert torch.allclose(ys[:, 0], torch.cos(ts - ts[0]), atol=0.1)
        if name != "kvaerno5":
            assert max(sign * t for t in seen) == sign * ts[-1].item()
            assert min(sign * t for t in seen) >= sign * ts[0].item()


@torch.no_grad()
def test_there_and_back() -> None:
    """Descending times integrate backwards."""
    there, _ = SOLVERS["kvaerno5"](rotation, times(1, 0), times(0, 1, 2.5), rtol=1e-8, atol=1e-8)
    back, _ = SOLVERS["kvaerno5"](rotation, there[-1], times(2.5, 1, 0), rtol=1e-8, atol=1e-8)
    assert torch.allclose(back, there.flip(0), atol=1e-6)


@torch.no_grad()
def test_states_are_trees() -> None:
    """A tree gives what the same state gives as one tensor, leaf by leaf."""

    def tree(t: Tensor, y: dict[str, Any], k: Tensor) -> dict[str, Any]:
        return {"a": -k * y["a"], "b": (y["b"][0] * t,)}

    y0 = {"a": torch.ones(2, 3, dtype=torch.float64), "b": (times(2.0)[0],)}
    ts = times(0, 0.7, 2.0)
    ys, _ = SOLVERS["kvaerno5"](tree, y0, ts, times(0.5)[0], rtol=1e-8, atol=1e-8)
    assert ys["a"].shape == (3, 2, 3)
    assert torch.allclose(ys["a"][:, 0, 0], torch.exp(-0.5 * ts), atol=1e-6)
    assert torch.allclose(ys["b"][0], 2 * torch.exp(ts**2 / 2), atol=1e-5)


@torch.no_grad()
def test_jacobian_is_kept_while_newton_is_fast() -> None:
    """A linear problem needs one Jacobian, whatever the steps."""
    taken = 0

    def f(t: Tensor, y: Tensor) -> Tensor:
        nonlocal taken
        taken += torch.is_grad_enabled()
        return rotation(t, y)

    _, stats = SOLVERS["kvaerno4"](f, times(1, 0), times(0, 5), rtol=1e-5, atol=1e-5)
    assert stats.accepted > 10
    assert taken == 1


@torch.no_grad()
def test_first_step_and_custom_norm() -> None:
    """first_step saves the probe; a norm that looks at one leaf controls that leaf's error alone."""
    y0 = {"slow": times(1.0), "fast": times(1.0)}

    def f(t: Tensor, y: dict[str, Tensor]) -> dict[str, Tensor]:
        return {"slow": -y["slow"], "fast": torch.cos(50 * t) * y["fast"]}

    solve = SOLVERS["kvaerno4"]
    both = solve(f, y0, times(0, 2), rtol=1e-5, atol=1e-5)[1]
    slow = solve(f, y0, times(0, 2), rtol=1e-5, atol=1e-5, norm=lambda e: e["slow"].abs().max())[1]
    assert slow.accepted < both.accepted / 2
    g, seen = counted(rotation)
    _, stats = solve(g, times(1, 0), times(0, 1), rtol=1e-4, atol=1e-4, first_step=0.125)
    assert stats.nfe == len(seen)
    assert 0.125 in seen


@torch.no_grad()
def test_a_single_time_needs_no_call() -> None:
    """With T = 1 the answer is y0, and f is not called."""
    f, seen = counted(rotation)
    ys, stats = SOLVERS["kvaerno3"](f, times(1, 0), times(0.3))
    assert torch.equal(ys, times(1, 0)[None])
    ys, _, path = SOLVERS["kvaerno3"].dense(f, times(1, 0), times(0.3))
    assert torch.equal(ys[0], path(0.3))
    assert not seen
    assert stats.nfe == 0


@pytest.mark.parametrize("name", TABLES)
def test_dense(name: str) -> None:
    """The path goes through every output, and between them it is as good as they are."""
    ts = times(0, 0.4, 1.1, 2)
    options: dict[str, Any] = {"rtol": 1e-6, "atol": 1e-6} if TABLES[name].adaptive else {"num_steps": 400}
    ys, stats, path = SOLVERS[name].dense(swing, swung(ts[:1])[0], ts, **options)
    assert stats.status == 0
    for t, y in zip(ts, ys, strict=True):
        assert torch.allclose(path(t), y, rtol=1e-12, atol=1e-12)
    between = torch.linspace(0, 2, 23, dtype=torch.float64)
    bound = {1: 3e-2, 2: 1e-3}.get(TABLES[name].order, 1e-3)
    assert (torch.stack([path(t) for t in between]) - swung(between)).abs().max() < bound


@pytest.mark.parametrize("name", TABLES)
def test_registered(name: str) -> None:
    """Every tableau is a backend of torch with each gradient method, and says that it is implicit."""
    backend = odebench.backend(f"torch/{name}/adjoint", num_steps=3)
    assert backend.info.solver.implicit
    ys = backend.odeint(rotation, times(1, 0), times(0, 0.1))
    assert torch.allclose(ys[-1], times(0.1).cos().item() * times(1, 0) + times(0.1).sin() * times(0, 1), atol=1e-2)

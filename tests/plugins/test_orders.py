"""Every tableau, in every framework's engine, converges at its order: at the end and at interior outputs.

The problem is nonlinear, nonautonomous and smooth, eight phases φ of it at once, so that no error vanishes by
chance: ``y₁' = s'(t) y₁ log y₂, y₂' = -s'(t) y₂ log y₁`` with ``s = t + 0.8 sin(t + φ)`` has the solution
``(exp(sin s), exp(cos s))``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from odebench_jax.runge_kutta import RungeKutta as JaxRungeKutta
from odebench_rungekutta import TABLEAUS
from odebench_torch.runge_kutta import RungeKutta as TorchRungeKutta

if TYPE_CHECKING:
    from collections.abc import Callable

    from odebench import ExplicitRungeKutta

    Integrate = Callable[[np.ndarray, int], np.ndarray]

PHASES = np.arange(8) * np.pi / 4
T_END = 7.0
# Steps of the coarsest grid by order: few enough that two halvings leave the error clear of rounding.
STEPS = {1: 400, 2: 150, 3: 100, 4: 96, 5: 160, 8: 24}


def dynamics(xp: Any, phases: Any) -> Callable[[Any, Any], Any]:
    def f(t: Any, y: Any) -> Any:
        log = xp.log(y)
        speed = 1 + 0.8 * xp.cos(t + phases)
        return xp.stack([speed * y[0] * log[1], -speed * y[1] * log[0]])

    return f


def exact(ts: np.ndarray) -> np.ndarray:
    """The solution (T, 2, 8) at ts (T,)."""
    s = ts[:, None] + 0.8 * np.sin(ts[:, None] + PHASES)
    return np.stack([np.exp(np.sin(s)), np.exp(np.cos(s))], axis=1)


def in_torch(tableau: ExplicitRungeKutta) -> Integrate:
    solve, f = TorchRungeKutta(tableau), dynamics(torch, torch.as_tensor(PHASES))

    def integrate(ts: np.ndarray, num_steps: int) -> np.ndarray:
        with torch.no_grad():
            ys, _ = solve(f, torch.as_tensor(exact(ts[:1])[0]), torch.as_tensor(ts), num_steps=num_steps)
        return np.asarray(ys)

    return integrate


def in_jax(tableau: ExplicitRungeKutta) -> Integrate:
    solve, f = JaxRungeKutta(tableau), dynamics(jnp, PHASES)

    def integrate(ts: np.ndarray, num_steps: int) -> np.ndarray:
        ys, _ = solve(f, jnp.asarray(exact(ts[:1])[0]), jnp.asarray(ts), num_steps=num_steps)
        return np.asarray(ys)

    return integrate


def root_mean_square(error: np.ndarray) -> float:
    return float(np.sqrt(np.mean(error**2)))


@pytest.mark.parametrize("tableau", TABLEAUS, ids=lambda tableau: tableau.name)
@pytest.mark.parametrize("framework", [in_torch, in_jax])
def test_order(framework: Callable[[ExplicitRungeKutta], Integrate], tableau: ExplicitRungeKutta) -> None:
    """The order seen under halving is the tableau's, within 0.2, at t1 and at outputs inside a step.

    At the end the two observed orders are extrapolated to h → 0, since the leading error of the fifth-order
    pairs is so small that the next one shows. The interior outputs lie at θ = 1/3 and 2/3 of coarse steps:
    there two halvings restore θ, on which the error of an interpolant depends. Where there is none, steps
    land on them.
    """
    n = STEPS[tableau.order]
    interior = [(k * n // 5 + theta) / n for k, theta in ((1, 1 / 3), (2, 2 / 3), (3, 1 / 3), (4, 2 / 3))]
    ts = T_END * np.array([0.0, *interior, 1.0])
    with jax.enable_x64(True):
        integrate = framework(tableau)
        errors = [integrate(ts, num_steps) - exact(ts) for num_steps in (n, 2 * n, 4 * n)]
    end = [root_mean_square(error[-1]) for error in errors]
    inside = [root_mean_square(error[1:-1]) for error in errors]
    assert min(*end, *inside) > 1e-13
    coarse, fine = np.log2(end[0] / end[1]), np.log2(end[1] / end[2])
    assert 2 * fine - coarse == pytest.approx(tableau.order, abs=0.2)
    assert np.log2(inside[0] / inside[2]) / 2 == pytest.approx(tableau.order, abs=0.2)

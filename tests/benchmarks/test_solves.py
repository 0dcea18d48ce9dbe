"""Solves and gradients of the spiral net beside torchdiffeq's and diffrax's, in the same run (``make benchmark``).

pytest-benchmark prints each group with its ratios, in parentheses, to the fastest.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np
import pytest

from suites.dashboard.spiral import calls
from tests.benchmarks.rivals import Calls, diffrax, torchdiffeq

_TORCH: dict[str, Callable[[], Calls]] = {
    "torch/dopri5/backprop": partial(calls, "torch/dopri5/backprop"),
    "torch/dopri5/adjoint": partial(calls, "torch/dopri5/adjoint"),
    "torchdiffeq odeint": partial(torchdiffeq, "odeint"),
    "torchdiffeq odeint_adjoint": partial(torchdiffeq, "odeint_adjoint"),
}
_JAX: dict[str, Callable[[], Calls]] = {
    "jax/dopri5/backprop": partial(calls, "jax/dopri5/backprop"),
    "jax/dopri5/adjoint": partial(calls, "jax/dopri5/adjoint"),
    "diffrax RecursiveCheckpointAdjoint": partial(diffrax, "RecursiveCheckpointAdjoint"),
    "diffrax BacksolveAdjoint": partial(diffrax, "BacksolveAdjoint"),
}


@cache
def _expected() -> Calls:
    return calls("jax/dopri5/backprop")


@pytest.mark.benchmark(group="forward solve, torch")
@pytest.mark.parametrize("name", ["torch/dopri5/backprop", "torchdiffeq odeint"])
def test_torch_solve(benchmark: Any, name: str) -> None:
    """Ours and torchdiffeq's, eager, one thread; the states agree to 1 %."""
    _solves(benchmark, _TORCH[name]()[0])


@pytest.mark.benchmark(group="gradient, torch")
@pytest.mark.parametrize("name", _TORCH)
def test_torch_gradient(benchmark: Any, name: str) -> None:
    """Ours and torchdiffeq's, eager, one thread; all gradients agree to 1 %, so that the same thing is timed."""
    _differentiates(benchmark, _TORCH[name]()[1])


@pytest.mark.benchmark(group="forward solve, jax")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", ["jax/dopri5/backprop", "diffrax RecursiveCheckpointAdjoint"])
def test_jax_solve(benchmark: Any, name: str) -> None:
    """Ours and diffrax's, jitted and blocked until ready; the states agree to 1 %."""
    _solves(benchmark, _JAX[name]()[0])


@pytest.mark.benchmark(group="gradient, jax")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", _JAX)
def test_jax_gradient(benchmark: Any, name: str) -> None:
    """Ours and diffrax's, jitted and blocked until ready; all gradients agree to 1 %."""
    _differentiates(benchmark, _JAX[name]()[1])


def _solves(benchmark: Any, solve: Callable[[], Any]) -> None:
    assert _distance(solve(), _expected()[0]()) < 0.01
    benchmark(solve)


def _differentiates(benchmark: Any, gradient: Callable[[], Any]) -> None:
    found = gradient()
    for name, expected in _expected()[1]().items():
        assert _distance(found[name], expected) < 0.01, name
    benchmark(gradient)


def _distance(found: Any, expected: Any) -> float:
    return float(np.linalg.norm(np.asarray(found) - expected) / np.linalg.norm(expected))

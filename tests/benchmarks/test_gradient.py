"""One gradient of the spiral net beside torchdiffeq's and diffrax's, in the same run (``make benchmark``).

Method, tolerances, output times, dtype and threads are the same. pytest-benchmark prints each group with its ratios.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from suites.dashboard.spiral import TIMES, TOLERANCE, calls, jax_dynamics, parameters, torch_dynamics


def _torchdiffeq(name: str) -> Callable[[], Any]:
    import torch
    import torchdiffeq

    torch.set_num_threads(1)
    start, arrays = parameters()

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.p = torch.nn.ParameterDict({k: torch.from_numpy(v) for k, v in arrays.items()})

        def forward(self, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return torch_dynamics(t, y, self.p)

    net, y0, ts = Net(), torch.from_numpy(start), torch.from_numpy(TIMES)
    solve = getattr(torchdiffeq, name)

    def gradient() -> Any:
        loss = (solve(net, y0, ts, method="dopri5", **TOLERANCE) ** 2).mean()
        return dict(zip(net.p, torch.autograd.grad(loss, list(net.p.values())), strict=True))

    return gradient


def _diffrax(name: str) -> Callable[[], Any]:
    import diffrax
    import jax
    import jax.numpy as jnp

    y0, params = parameters()
    term = diffrax.ODETerm(lambda t, y, p: jax_dynamics(t, y, p))
    adjoint = getattr(diffrax, name)()

    def loss(params: Any) -> Any:
        solution = diffrax.diffeqsolve(
            term,
            diffrax.Dopri5(),
            TIMES[0],
            TIMES[-1],
            dt0=0.05,  # left out, diffrax 0.7.2 takes 0.01 whatever the problem
            y0=jnp.asarray(y0),
            args=params,
            saveat=diffrax.SaveAt(ts=TIMES),
            stepsize_controller=diffrax.PIDController(**TOLERANCE),
            adjoint=adjoint,
        )
        return (solution.ys**2).mean()

    gradient = jax.jit(jax.grad(loss))
    return lambda: jax.block_until_ready(gradient(params))


_TORCH = {
    "torch/dopri5/backprop": lambda: calls("torch/dopri5/backprop")[1],
    "torch/dopri5/adjoint": lambda: calls("torch/dopri5/adjoint")[1],
    "torchdiffeq odeint": lambda: _torchdiffeq("odeint"),
    "torchdiffeq odeint_adjoint": lambda: _torchdiffeq("odeint_adjoint"),
}
_JAX = {
    "jax/dopri5/backprop": lambda: calls("jax/dopri5/backprop")[1],
    "jax/dopri5/adjoint": lambda: calls("jax/dopri5/adjoint")[1],
    "diffrax RecursiveCheckpointAdjoint": lambda: _diffrax("RecursiveCheckpointAdjoint"),
    "diffrax BacksolveAdjoint": lambda: _diffrax("BacksolveAdjoint"),
}


@pytest.mark.benchmark(group="gradient of the spiral, torch")
@pytest.mark.parametrize("name", _TORCH)
def test_torch(benchmark: Any, name: str) -> None:
    """Ours and torchdiffeq's, eager, one thread; all gradients agree to 1 %, so that the same thing is timed."""
    _agrees(_TORCH[name]())
    benchmark(_TORCH[name]())


@pytest.mark.benchmark(group="gradient of the spiral, jax")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", _JAX)
def test_jax(benchmark: Any, name: str) -> None:
    """Ours and diffrax's, jitted and blocked until ready; all gradients agree to 1 %."""
    _agrees(_JAX[name]())
    benchmark(_JAX[name]())


def _agrees(gradient: Callable[[], Any]) -> None:
    found, expected = gradient(), calls("jax/dopri5/backprop")[1]()
    for name, value in expected.items():
        error = np.linalg.norm(np.asarray(found[name]) - value) / np.linalg.norm(value)
        assert error < 0.01, name

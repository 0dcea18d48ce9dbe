"""The spiral net by torchdiffeq and by diffrax: same method, tolerances, output times, dtype and threads as ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from suites.dashboard.spiral import TIMES, TOLERANCE, jax_dynamics, parameters, torch_dynamics

Calls = tuple[Callable[[], Any], Callable[[], Any]]
"""The forward solve and the gradient, warm and blocking."""


def torchdiffeq(name: str) -> Calls:
    """:param name: ``odeint`` or ``odeint_adjoint``."""
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
    odeint = getattr(torchdiffeq, name)

    @torch.no_grad()
    def solve() -> Any:
        return odeint(net, y0, ts, method="dopri5", **TOLERANCE)

    def gradient() -> Any:
        loss = (odeint(net, y0, ts, method="dopri5", **TOLERANCE) ** 2).mean()
        return dict(zip(net.p, torch.autograd.grad(loss, list(net.p.values())), strict=True))

    return solve, gradient


def diffrax(name: str) -> Calls:
    """:param name: an adjoint's class."""
    import diffrax
    import jax
    import jax.numpy as jnp

    y0, params = parameters()
    term = diffrax.ODETerm(lambda t, y, p: jax_dynamics(t, y, p))
    adjoint = getattr(diffrax, name)()

    def states(params: Any) -> Any:
        return diffrax.diffeqsolve(
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
        ).ys

    solve, gradient = jax.jit(states), jax.jit(jax.grad(lambda p: (states(p) ** 2).mean()))
    return lambda: jax.block_until_ready(solve(params)), lambda: jax.block_until_ready(gradient(params))

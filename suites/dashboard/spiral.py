"""The spiral net of *Neural ODEs*' demonstration: 2-50-2 tanh on z³, 20 starts, dopri5."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from .counters.problems import net

if TYPE_CHECKING:
    from odebench.contract import Stats

BACKENDS = ["torch/dopri5/backprop", "torch/dopri5/adjoint", "jax/dopri5/backprop", "jax/dopri5/adjoint"]
TOLERANCE: dict[str, Any] = {"rtol": 1e-5, "atol": 1e-5}
TIMES = np.linspace(0.0, 1.0, 10, dtype=np.float32)


def parameters() -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Starts (20, 2) and the net's parameters, float32."""
    starts, params = net()
    return starts.astype(np.float32), {name: value.astype(np.float32) for name, value in params.items()}


def torch_dynamics(t: Any, y: Any, p: dict[str, Any]) -> Any:
    import torch

    return torch.addmm(p["b2"], torch.tanh(torch.addmm(p["b1"], y**3, p["w1"])), p["w2"])


def jax_dynamics(t: Any, y: Any, p: dict[str, Any]) -> Any:
    import jax.numpy as jnp

    return jnp.tanh(y**3 @ p["w1"] + p["b1"]) @ p["w2"] + p["b2"]


def calls(name: str) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """``(solve, gradient)`` of a backend, ready to be called and timed, warm and blocking."""
    make = _torch_calls if name.startswith("torch") else _jax_calls
    solve, gradient = make(name)
    solve()
    gradient()
    return solve, gradient


def statistics(name: str) -> Stats:
    """What the solver says of the forward solve."""
    import odebench

    y0, params = parameters()
    solve = odebench.backend(name, **TOLERANCE).solve
    if name.startswith("jax"):
        return solve(jax_dynamics, y0, TIMES, params)[1]
    import torch

    p = {key: torch.from_numpy(value) for key, value in params.items()}
    return solve(torch_dynamics, torch.from_numpy(y0), torch.from_numpy(TIMES), p)[1]


def _torch_calls(name: str) -> tuple[Callable[[], Any], Callable[[], Any]]:
    import torch

    import odebench

    torch.set_num_threads(1)
    odeint = odebench.backend(name, **TOLERANCE).odeint
    start, arrays = parameters()
    y0, ts = torch.from_numpy(start), torch.from_numpy(TIMES)
    params = {key: torch.from_numpy(value).requires_grad_() for key, value in arrays.items()}

    @torch.no_grad()
    def solve() -> Any:
        return odeint(torch_dynamics, y0, ts, params)

    def gradient() -> Any:
        loss = (odeint(torch_dynamics, y0, ts, params) ** 2).mean()
        return dict(zip(params, torch.autograd.grad(loss, list(params.values())), strict=True))

    return solve, gradient


def _jax_calls(name: str) -> tuple[Callable[[], Any], Callable[[], Any]]:
    import jax

    import odebench

    odeint = odebench.backend(name, **TOLERANCE).odeint
    y0, params = parameters()
    solve = jax.jit(lambda p: odeint(jax_dynamics, y0, TIMES, p))
    gradient = jax.jit(jax.grad(lambda p: (odeint(jax_dynamics, y0, TIMES, p) ** 2).mean()))
    return lambda: jax.block_until_ready(solve(params)), lambda: jax.block_until_ready(gradient(params))

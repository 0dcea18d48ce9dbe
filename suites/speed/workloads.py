"""The workloads: a small net where overhead is all, a wide one where matrices are, and a convolution."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from odebench.contract import Array, Dynamics
from odebench.registry import load_registry
from odebench.tasks import namespace, whole
from odebench.tasks.nets import mlp, mlp_parameters

from .task import SolveTask, Workload

_MNIST = Path(__file__).parents[1] / "mnist"
_CHANNELS, _SIDE = 64, 6


def make_spiral(
    framework: str, *, seed: int, batch: int = 20, outputs: int = 2, hidden: int = 50, end: float = 5.0
) -> SolveTask:
    """The net of torchdiffeq's demonstration, 2-50-2 and tanh, on y³, as it is drawn there: weights N(0, 0.1²), biases
    0. y (B, 2), uniform on [−2, 2]²."""
    rng = _random(seed, batch=batch, hidden=hidden)
    parameters = {}
    for i, (fan_in, fan_out) in enumerate([(2, hidden), (hidden, 2)]):
        parameters[f"net.{i}.weight"] = rng.normal(0.0, 0.1, (fan_out, fan_in))
        parameters[f"net.{i}.bias"] = np.zeros(fan_out)
    y0 = rng.uniform(-2.0, 2.0, (batch, 2))
    return SolveTask(Workload(_net(framework, power=3), y0, parameters, end), framework, outputs=outputs)


def make_mlp(
    framework: str,
    *,
    seed: int,
    batch: int = 256,
    outputs: int = 2,
    state: int = 64,
    hidden: int = 128,
    end: float = 4.0,
) -> SolveTask:
    """A net 64-128-64 and tanh: y (B, 64), normal."""
    rng = _random(seed, batch=batch, state=state, hidden=hidden)
    parameters = mlp_parameters(rng, "net", (state, hidden, state))
    y0 = rng.standard_normal((batch, state))
    return SolveTask(Workload(_net(framework, power=1), y0, parameters, end), framework, outputs=outputs)


def make_conv(framework: str, *, seed: int, batch: int = 16, outputs: int = 2, end: float = 1.0) -> SolveTask:
    """The ODE block of suites/mnist without stem and head: y (B, 64, 6, 6), normal, in JAX (B, 6, 6, 64)."""
    rng = _random(seed, batch=batch)
    suite = _mnist()
    drawn = import_module(f"{suite}.parameters").initial("odenet", "conv", rng)
    parameters = {name: p for name, p in drawn.items() if name.startswith("ode.")}
    y0 = rng.standard_normal((batch, _CHANNELS, _SIDE, _SIDE))
    f = import_module(f"{suite}.{framework}_models").ode_function
    workload = Workload(f, y0, parameters, end)
    if framework == "jax":
        workload = workload._replace(laid_out=_channels_last)
    return SolveTask(workload, framework, outputs=outputs)


def _random(seed: int, **sizes: int) -> np.random.Generator:
    """:raises UserError: for a size that is none."""
    for name, size in sizes.items():
        whole("speed", name, size, 1)
    return np.random.default_rng(seed)


def _net(framework: str, power: int) -> Dynamics:
    tanh = namespace(framework).tanh

    def f(t: Array, y: Array, params: dict[str, Array]) -> Array:
        return mlp(params, "net", y**power if power > 1 else y, tanh)

    return f


def _mnist() -> str:
    """The name of the package that suites/mnist is: a suite's folder is imported under a name of its own."""
    code = load_registry(suites=[_MNIST], strict=True).tasks["mnist/odenet"].code
    return code.partition(":")[0].rpartition(".")[0]


def _channels_last(x: Any) -> Any:
    """Images NCHW to NHWC and kernels OIHW to HWIO, as suites/mnist has them in JAX; vectors as they are."""
    if x.ndim != 4:
        return x
    return x.transpose(2, 3, 1, 0) if x.shape[2:] == (3, 3) else x.transpose(0, 2, 3, 1)

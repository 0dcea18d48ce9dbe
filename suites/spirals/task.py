"""A net learns the spiral's field from pieces of one trajectory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np

from odebench.contract import Array, OdeInt, Recipe
from odebench.tasks import namespace, positive, whole
from odebench.tasks.nets import float32, mlp

from .truth import Floats, trajectory

_WEIGHTS, _STARTS = range(2)  # streams of random numbers that share a seed

Batch = dict[Literal["y0", "ts", "targets"], Any]
"""``y0`` (B, 2), ``ts`` (T,) and, to learn from, ``targets`` (T, B, 2)."""


class Demo(NamedTuple):
    """What a demonstration fixes.

    :param hidden: units of the net's one hidden layer.
    :param activation: of the namespace.
    :param power: of y, which the net sees.
    :param bias: the standard deviation of the first biases; that of the weights is 0.1.
    :param rate: the learning rate.
    """

    hidden: int
    activation: str
    power: int
    bias: float
    optimizer: Literal["adam", "rmsprop"]
    rate: float


class SpiralTask:
    """An :class:`odebench.contract.TaskInstance`. The loss is the mean absolute error over a batch of windows.

    :param framework: ``torch`` or ``jax``.
    :param seed: of the first weights and of the windows.
    :param steps: of training; 0 leaves the net untrained.
    :param points: of the trajectory, equally spaced.
    :param end: its last time.
    :param windows: in a batch, at different points; there are ``points - length`` of them, or one of full length.
    :param length: points in a window, its start included.
    :raises UserError: for an option out of range.
    """

    params: dict[str, Any]

    def __init__(
        self,
        demo: Demo,
        framework: str,
        *,
        seed: int,
        steps: int,
        points: int,
        end: float,
        windows: int,
        length: int,
    ) -> None:
        whole("spirals", "steps", steps, 0)
        whole("spirals", "points", points, 2)
        whole("spirals", "length", length, 2, points)
        self._starts = max(1, points - length)
        whole("spirals", "windows", windows, 1, self._starts)
        positive("spirals", "end", end)
        self._xp, self._demo, self._seed = namespace(framework), demo, seed
        self._activation = getattr(self._xp, demo.activation)
        self._windows, self._length = windows, length
        self._ts = np.linspace(0.0, end, points)
        self._ys = trajectory(points, float(end))
        self.params = _parameters(demo, np.random.default_rng([seed, _WEIGHTS]))
        self.recipe = Recipe(steps=steps, learning_rate=demo.rate, optimizer=demo.optimizer)

    def batch(self, step: int) -> Batch:
        """Windows of the true trajectory, all from time 0 on: the field does not depend on t."""
        rng = np.random.default_rng([self._seed, _STARTS, step])
        return self._windows_at(rng.choice(self._starts, self._windows, replace=False))

    def _windows_at(self, starts: Any) -> Batch:
        targets = self._ys[starts + np.arange(self._length)[:, None]]
        return {"y0": targets[0], "ts": self._ts[: self._length], "targets": targets}

    def probe(self) -> Batch:
        return self.batch(0)

    accuracy_probe = probe

    def predict(self, params: dict[str, Array], batch: Batch, odeint: OdeInt) -> Array:
        """(T, B, 2)."""
        power, activation = self._demo.power, self._activation
        return odeint(lambda t, y, p: mlp(p, "net", y**power, activation), batch["y0"], batch["ts"], params)

    def loss(self, params: dict[str, Array], batch: Batch, odeint: OdeInt) -> Array:
        return self._xp.mean(self._xp.abs(self.predict(params, batch, odeint) - batch["targets"]))

    def evaluate(self, predict: Callable[[Batch], Any]) -> dict[str, float]:
        """``trajectory_l1``, the mean absolute error over the whole trajectory from its start; ``relative_l1``, that
        over the error of the best guess that does not move, each coordinate's median; ``window_l1``, the loss over
        every window."""
        error = np.mean(np.abs(self._whole(predict) - self._ys))
        still = np.mean(np.abs(np.median(self._ys, axis=0) - self._ys))
        every = self._windows_at(np.arange(self._starts))
        window = np.mean(np.abs(predict(every) - every["targets"]))
        return {"trajectory_l1": float(error), "relative_l1": float(error / still), "window_l1": float(window)}

    def outputs(self, predict: Callable[[Batch], Any]) -> dict[str, Any]:
        """``ts``, and ``true`` and ``learned`` (points, 2)."""
        true = self._ys.astype(np.float32)
        return {"ts": self._ts.astype(np.float32), "true": true, "learned": self._whole(predict)}

    def _whole(self, predict: Callable[[Batch], Any]) -> Floats:
        learned: Floats = predict({"y0": self._ys[:1], "ts": self._ts})[:, 0]
        return learned


def _parameters(demo: Demo, rng: np.random.Generator) -> dict[str, Any]:
    """2-hidden-2."""
    found: dict[str, Floats] = {}
    for i, (fan_in, fan_out) in enumerate([(2, demo.hidden), (demo.hidden, 2)]):
        found[f"net.{i}.weight"] = rng.normal(0.0, 0.1, (fan_out, fan_in))
        found[f"net.{i}.bias"] = rng.normal(0.0, demo.bias, fan_out)
    return float32(found)


_ODE_DEMO = Demo(hidden=50, activation="tanh", power=3, bias=0.0, optimizer="rmsprop", rate=1e-3)
_AUTOGRAD_DEMO = Demo(hidden=150, activation="relu", power=1, bias=0.1, optimizer="adam", rate=1e-2)


def make_ode_demo(
    framework: str,
    *,
    seed: int,
    steps: int = 2000,
    points: int = 1000,
    end: float = 25.0,
    windows: int = 20,
    length: int = 10,
) -> SpiralTask:
    """torchdiffeq's."""
    return SpiralTask(
        _ODE_DEMO, framework, seed=seed, steps=steps, points=points, end=end, windows=windows, length=length
    )


def make_autograd_demo(
    framework: str, *, seed: int, steps: int = 1000, points: int = 30, end: float = 1.5
) -> SpiralTask:
    """HIPS autograd's: the whole of a short trajectory in every step."""
    return SpiralTask(
        _AUTOGRAD_DEMO, framework, seed=seed, steps=steps, points=points, end=end, windows=1, length=points
    )

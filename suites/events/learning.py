"""Gravity and absorption from the heights of a ball that bounces: gradients go through the times of impact."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from odebench.contract import Array, EventOdeInt, PyTree, Recipe
from odebench.tasks import namespace, whole
from odebench.tasks.nets import float32

from .ball import ABSORPTION, GRAVITY, START, bounce
from .impacts import MOST
from .observed import Observed

_GUESS = 0  # the stream of random numbers


class LearnPhysics:
    """An :class:`odebench.contract.TaskInstance` with params ``log_gravity`` and ``logit_absorption``.

    The loss is the relative L1 error of the heights. Each is solved for from the last impact before it, all at once.

    :param framework: ``torch`` or ``jax``.
    :param seed: of the first guess, gravity on [5, 8] and absorption on [0.05, 0.15], and of the noise.
    :param steps: of training; 0 leaves the guess.
    :param points: heights that are seen.
    :param noise: of the heights.
    :param bounces: impacts that are followed.
    :raises UserError: for an option out of range.
    """

    def __init__(
        self, framework: str, *, seed: int, steps: int = 1000, points: int = 300, noise: float = 0.0, bounces: int = 8
    ) -> None:
        whole("events", "steps", steps, 0)
        whole("events", "bounces", bounces, 1, MOST)
        self._xp, self._observed = namespace(framework), Observed(seed, points, noise)
        self._flights = np.zeros(bounces)
        rng = np.random.default_rng([seed, _GUESS])
        gravity, absorption = rng.uniform(5, 8), rng.uniform(0.05, 0.15)
        guess = {"log_gravity": np.log(gravity), "logit_absorption": np.log(absorption / (1 - absorption))}
        self.params: dict[str, Any] = float32(guess)
        self.recipe = Recipe(
            steps=steps, learning_rate=0.1, optimizer="adam", milestones=(steps // 2, 4 * steps // 5), decay=0.1
        )

    def batch(self, step: int) -> PyTree:
        return {**self._observed.batch, "start": START, "unit": np.array([0.0, 1.0]), "flights": self._flights}

    def probe(self) -> PyTree:
        return self.batch(0)

    accuracy_probe = probe

    def predict(self, params: dict[str, Array], batch: PyTree, odeint: EventOdeInt) -> Array:
        """(points + 2,): heights, gravity and absorption."""
        xp, ts = self._xp, batch["ts"]
        gravity, absorption = xp.exp(params["log_gravity"]), xp.sigmoid(params["logit_absorption"])
        times, states = bounce(xp, odeint, batch["start"], gravity, absorption, batch["flights"], xp.scan)
        began = xp.concat([xp.zeros_like(times[:1]), times])
        states = xp.concat([batch["start"][None], states])
        # The flight that each height is seen in.
        last = xp.sum(xp.stop_gradient(began[1:]) <= ts[:, None], axis=1)
        inputs = {"gravity": gravity, "lasts": ts - xp.take(began, last, axis=0)}
        ends = odeint(_fall_in_unit_time(xp), xp.take(states, last, axis=0), batch["unit"], inputs)[-1]
        return xp.concat([ends[:, 0], xp.stack([gravity, absorption])])

    def loss(self, params: dict[str, Array], batch: PyTree, odeint: EventOdeInt) -> Array:
        xp, seen = self._xp, batch["heights"]
        return xp.sum(xp.abs(self.predict(params, batch, odeint)[:-2] - seen)) / xp.sum(xp.abs(seen))

    def evaluate(self, predict: Callable[[PyTree], Any]) -> dict[str, float]:
        """The errors of :meth:`.observed.Observed.errors`; ``gravity_error`` and ``absorption_error``, relative."""
        gravity, absorption = predict(self.probe())[-2:]
        return self._observed.errors(lambda batch: predict({**self.probe(), **batch})[:-2]) | {
            "gravity_error": float(abs(gravity / GRAVITY - 1)),
            "absorption_error": float(abs(absorption / ABSORPTION - 1)),
        }

    def outputs(self, predict: Callable[[PyTree], Any]) -> dict[str, Any]:
        return self._observed.path(lambda batch: predict({**self.probe(), **batch})[:-2])


def _fall_in_unit_time(xp: Any) -> Callable[..., Array]:
    """f of many falls (N, 2), each of its own duration, which passes in one unit of time."""

    def f(t: Array, y: Array, p: dict[str, Array]) -> Array:
        return p["lasts"][:, None] * xp.stack([y[:, 1], 0 * y[:, 1] - p["gravity"]], axis=1)

    return f

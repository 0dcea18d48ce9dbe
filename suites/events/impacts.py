"""The times of impacts, and the state after the last of them, with gradients through all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from odebench.contract import Array, EventOdeInt, PyTree
from odebench.tasks import namespace, whole

from .ball import ABSORPTION, GRAVITY, START, bounce, fall, impacts, in_turn

MOST = 20


class BouncingBall:
    """An :class:`odebench.contract.TaskInstance` with params ``y0`` (2,), ``gravity`` and ``absorption``.

    The prediction is (K + 2,): the times of K impacts and the state in the middle of the flight after the last; the
    loss is a weighted sum of it, so that its gradient has that of every impact time and of the final state in it.

    :param framework: ``torch`` or ``jax``.
    :param seed: of nothing here: there is one ball.
    :param bounces: K, 1 to 20.
    :raises UserError: for an option out of range.
    """

    recipe = None

    def __init__(self, framework: str, *, seed: int, bounces: int = 4) -> None:
        self._bounces = whole("events", "bounces", bounces, 1, MOST)
        self._xp = namespace(framework)
        self.params: dict[str, Any] = parameters()

    def probe(self) -> PyTree:
        return {"weights": weights(self._bounces), "end": end(self._bounces), "flights": np.zeros(self._bounces)}

    accuracy_probe = probe

    def batch(self, step: int) -> PyTree:
        return self.probe()

    def predict(self, params: dict[str, Array], batch: PyTree, odeint: EventOdeInt) -> Array:
        xp, gravity = self._xp, params["gravity"]
        times, states = bounce(xp, odeint, params["y0"], gravity, params["absorption"], batch["flights"], in_turn(xp))
        ys = odeint(fall(xp), states[-1], xp.stack([times[-1], batch["end"]]), {"gravity": gravity})
        return xp.concat([times, ys[-1]])

    def loss(self, params: dict[str, Array], batch: PyTree, odeint: EventOdeInt) -> Array:
        return self._xp.sum(batch["weights"] * self.predict(params, batch, odeint))

    def evaluate(self, predict: Callable[[PyTree], Any]) -> dict[str, float]:
        return {}


def parameters() -> dict[str, Any]:
    return {"y0": START.copy(), "gravity": np.array(GRAVITY), "absorption": np.array(ABSORPTION)}


def weights(bounces: int) -> Any:
    """Of the prediction: none 0, no two equal."""
    return 1 / np.arange(2.0, bounces + 4)


def end(bounces: int) -> Any:
    """The middle of the flight after the last impact, a constant."""
    times, speeds = impacts(START, GRAVITY, ABSORPTION, bounces)
    return np.asarray(times[-1] + speeds[-1] / GRAVITY)

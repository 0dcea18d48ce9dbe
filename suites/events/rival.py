"""The rival without events: a net that is integrated through the impacts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from odebench.contract import Array, OdeInt, PyTree, Recipe
from odebench.tasks import namespace, whole
from odebench.tasks.nets import float32, mlp, mlp_parameters, under

from .ball import START
from .observed import Observed

_WEIGHTS = 2  # the stream of random numbers
_AUGMENTED, _HIDDEN = 2, 64
_LENGTH = 5.0  # of the units that heights and velocities are handed to the net in


class NoEvents:
    """An :class:`odebench.contract.TaskInstance`: height, velocity and two further numbers, 4-64-64-4 with sines.

    :param framework: ``torch`` or ``jax``.
    :param seed: of the first weights and of the noise.
    :param steps, points, noise: as of :class:`.learning.LearnPhysics`.
    :raises UserError: for an option out of range.
    """

    def __init__(self, framework: str, *, seed: int, steps: int = 1000, points: int = 300, noise: float = 0.0) -> None:
        whole("events", "steps", steps, 0)
        self._xp, self._observed = namespace(framework), Observed(seed, points, noise)
        size = len(START) + _AUGMENTED
        rng = np.random.default_rng([seed, _WEIGHTS])
        self.params: dict[str, Any] = float32(mlp_parameters(rng, "net", [size, _HIDDEN, _HIDDEN, size]))
        self.recipe = Recipe(
            steps=steps, learning_rate=1e-2, optimizer="adam", milestones=(steps // 2, 4 * steps // 5), decay=0.1
        )

    def batch(self, step: int) -> PyTree:
        start = np.concatenate([START / _LENGTH, np.zeros(_AUGMENTED)])
        return {**self._observed.batch, "start": start, "zero": np.zeros(1)}

    def probe(self) -> PyTree:
        return self.batch(0)

    accuracy_probe = probe

    def predict(self, params: dict[str, Array], batch: PyTree, odeint: OdeInt) -> Array:
        """Heights (points,)."""
        xp, net = self._xp, under(params, "net")
        ts = xp.concat([batch["zero"], batch["ts"]])
        return _LENGTH * odeint(lambda t, y, p: mlp(p, "net", y, xp.sin), batch["start"], ts, net)[1:, 0]

    def loss(self, params: dict[str, Array], batch: PyTree, odeint: OdeInt) -> Array:
        xp, seen = self._xp, batch["heights"]
        return xp.sum(xp.abs(self.predict(params, batch, odeint) - seen)) / xp.sum(xp.abs(seen))

    def evaluate(self, predict: Callable[[PyTree], Any]) -> dict[str, float]:
        """See :meth:`.observed.Observed.errors`."""
        return self._observed.errors(lambda batch: predict({**self.probe(), **batch}))

    def outputs(self, predict: Callable[[PyTree], Any]) -> dict[str, Any]:
        return self._observed.path(lambda batch: predict({**self.probe(), **batch}))

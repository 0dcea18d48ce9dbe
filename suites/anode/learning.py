"""Learning to say -1 or +1 of points, by SmoothL1, and what is told of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from odebench.contract import Array, OdeInt, Recipe
from odebench.tasks import namespace, whole

from .models import Model
from .points import Floats, Points, Sets

PARAMETERS, ORDER, TRAIN, TEST = range(4)  # streams of random numbers that share a seed
_ENDS = np.array([0.0, 1.0], np.float32)
_MOMENTS = np.linspace(0, 1, 11, dtype=np.float32)
_SLACK = 1e-3  # of the order of the coarsest tolerance: order lost by less is the solver's doing

Batch = dict[str, Any]
"""``x`` (N, d), ``y`` (N, 1) and ``ts`` (T,), float32."""
Predict = Callable[[Batch], Any]


class PointsTask:
    """A model and a set of points: an :class:`odebench.contract.PicturedTask`.

    An epoch is a permutation of the training points; what fills no batch is left out of it.

    :param seed: of the parameters and of the order of the points.
    :raises UserError: for a batch larger than the training set.
    """

    def __init__(self, framework: str, model: Model, sets: Sets, recipe: Recipe, *, seed: int, batch_size: int) -> None:
        whole("anode", "batch_size", batch_size, 1, len(sets.train.x))
        self._xp, self._model, self._sets = namespace(framework), model, sets
        self._seed, self._batch_size = seed, batch_size
        self.params = model.parameters(np.random.default_rng([seed, PARAMETERS]))
        self.recipe: Recipe | None = recipe

    def probe(self) -> Batch:
        """The first training points, a batch of them."""
        return _batch(self._sets.train.where(np.arange(self._batch_size)))

    def accuracy_probe(self) -> Batch:
        return self.probe()

    def batch(self, step: int) -> Batch:
        """A function of seed and step alone."""
        size = len(self._sets.train.x)
        epoch, place = divmod(step, size // self._batch_size)
        order = np.random.default_rng([self._seed, ORDER, epoch]).permutation(size)
        return _batch(self._sets.train.where(order[place * self._batch_size :][: self._batch_size]))

    def predict(self, params: dict[str, Array], batch: Batch, odeint: OdeInt) -> Array:
        """(T, N, d + p + outputs): the states at ts (of a ResNet, after each block), and what is said of each."""
        states = self._model.states(params, batch["x"], batch["ts"], odeint)
        return self._xp.concat([states, self._model.read(params, states)], axis=-1)

    def loss(self, params: dict[str, Array], batch: Batch, odeint: OdeInt) -> Array:
        """SmoothL1: half the square of an error below 1, and an error beyond less a half."""
        xp = self._xp
        states = self._model.states(params, batch["x"], batch["ts"], odeint)
        error = xp.abs(self._model.read(params, states[-1]) - batch["y"])
        return xp.mean(xp.where(error < 1, error * error / 2, error - 0.5))

    def evaluate(self, predict: Predict) -> dict[str, float]:
        """``test_loss`` (SmoothL1), ``test_mse``, ``test_accuracy`` (of the sign), and the same of what else is held
        out."""
        found: dict[str, float] = {}
        for name, points in self._sets.tests.items():
            said = predict(_batch(points))[-1, :, -1:].astype(np.float64)
            found |= {f"{name}_{metric}": value for metric, value in _metrics(said, points.y).items()}
        return found

    def outputs(self, predict: Predict) -> dict[str, Any]:
        """``flow`` (T, N, d + p + 1) of some points with the targets ``y``, at 11 equal times (after each block);
        ``grid`` and what is ``said`` of it."""
        followed, grid = self._sets.followed, self._sets.grid
        found = {
            "flow": predict(_batch(followed, _MOMENTS)),
            "y": followed.y,
            "grid": grid.x,
            "said": predict(_batch(grid))[-1, :, -1],
        }
        return {name: array.astype(np.float16) for name, array in found.items()}


class LineTask(PointsTask):
    """On the line a flow keeps order, which is measured besides."""

    def evaluate(self, predict: Predict) -> dict[str, float]:
        """Besides, ``swapped``: whether -1 ends above +1; and ``overtaken``: how much of [-1, 1] ends further down than
        something that began below it, as a part of its points."""
        ends = predict(_batch(self._sets.grid))[-1, :, -1].astype(np.float64)
        behind = ends < np.maximum.accumulate(ends) - _SLACK
        order = {"swapped": float(ends[0] > ends[-1] + _SLACK), "overtaken": float(behind.mean())}
        return super().evaluate(predict) | order


def _metrics(said: Floats, y: Floats) -> dict[str, float]:
    error = np.abs(said - y)
    return {
        "loss": float(np.where(error < 1, error**2 / 2, error - 0.5).mean()),
        "mse": float((error**2).mean()),
        "accuracy": float(((said > 0) == (y > 0)).mean()),
    }


def _batch(points: Points, ts: Any = _ENDS) -> Batch:
    return {"x": points.x.astype(np.float32), "y": points.y.astype(np.float32), "ts": ts}

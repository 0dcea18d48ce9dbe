"""MNIST by a convolutional ODE block, of as many parameters as the paper's."""

from __future__ import annotations

import math
import runpy
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from odebench.contract import Array, OdeInt, Recipe
from odebench.tasks import namespace, positive, whole
from odebench.tasks.nets import float32, linear, linear_parameters, under

TRAIN_SIZE, TEST_SIZE, SIDE = 60_000, 10_000, 28
_PARAMETERS, _ORDER = range(2)  # streams of random numbers that share a seed
_READER = Path(__file__).resolve().parents[1] / "mnist" / "data.py"
_EVAL_BATCH = 500

Batch = dict[str, Any]
"""``images`` (B, 28, 28, 1), float32 in [0, 1]; ``labels`` (B, 10), float32, a one in each row; ``ts`` (2,)."""


class MnistTask:
    """An :class:`odebench.contract.TaskInstance`: p empty channels appended to the image, a field of convolutions
    1×1, 3×3 and 1×1 with ReLU between, which is not given the time, and a linear layer on all that comes out.

    :param augment: p. :param filters: of the field's two inner layers.
    :raises UserError: for an option out of range.
    """

    def __init__(
        self,
        framework: str,
        *,
        seed: int,
        augment: int = 0,
        filters: int = 92,
        steps: int = 2340,
        batch_size: int = 256,
        probe_size: int = 32,
        test_size: int = TEST_SIZE,
        learning_rate: float = 1e-3,
    ) -> None:
        for name, value, least, most in (
            ("augment", augment, 0, math.inf),
            ("filters", filters, 1, math.inf),
            ("steps", steps, 0, math.inf),
            ("batch_size", batch_size, 1, TRAIN_SIZE),
            ("probe_size", probe_size, 1, TRAIN_SIZE),
            ("test_size", test_size, 1, TEST_SIZE),
        ):
            whole("anode", name, value, least, most)
        self._xp, self._seed, self._augment = namespace(framework), seed, augment
        self._batch_size, self._probe_size, self._test_size = batch_size, probe_size, test_size
        self.params = _parameters(np.random.default_rng([seed, _PARAMETERS]), 1 + augment, filters)
        rate = positive("anode", "learning_rate", learning_rate)
        self.recipe: Recipe | None = Recipe(steps, rate, optimizer="adam")

    def probe(self) -> Batch:
        """The first training images."""
        return _batch("train", np.arange(self._probe_size))

    def accuracy_probe(self) -> Batch:
        """Two images: the kinks of the many ReLUs make a reference dear."""
        return _batch("train", np.arange(2))

    def batch(self, step: int) -> Batch:
        """A function of seed and step alone."""
        epoch, place = divmod(step, TRAIN_SIZE // self._batch_size)
        order = np.random.default_rng([self._seed, _ORDER, epoch]).permutation(TRAIN_SIZE)
        return _batch("train", order[place * self._batch_size :][: self._batch_size])

    def predict(self, params: dict[str, Array], batch: Batch, odeint: OdeInt) -> Array:
        """Logits (B, 10)."""
        images = batch["images"]
        y0 = self._xp.concat([images] + [self._xp.zeros_like(images)] * self._augment, axis=-1)
        features = odeint(self.field, y0, batch["ts"], under(params, "field"))[-1]
        return linear(params, "head", self._xp.reshape(features, (images.shape[0], -1)))

    def loss(self, params: dict[str, Array], batch: Batch, odeint: OdeInt) -> Array:
        """The mean cross-entropy."""
        logits = self.predict(params, batch, odeint)
        return -self._xp.mean(self._xp.sum(self._xp.log_softmax(logits) * batch["labels"], axis=-1))

    def field(self, t: Array, y: Array, params: dict[str, Array]) -> Array:
        """y (B, H, W, C) → dy/dt. A convolution is a linear layer on the neighbours of each pixel."""
        relu = self._xp.relu
        y = relu(linear(params, "field.conv1", y))
        y = relu(linear(params, "field.conv2", self._neighbours(y)))
        return linear(params, "field.conv3", y)

    def _neighbours(self, y: Array) -> Array:
        """(B, H, W, C) → (B, H, W, 9 C): the 3×3 pixels around each, zeros beyond the edge."""
        xp, (height, width) = self._xp, y.shape[1:3]
        row, column = xp.zeros_like(y[:, :1]), xp.zeros_like(xp.concat([y[:, :2, :1], y[:, :, :1]], axis=1))
        y = xp.concat([column, xp.concat([row, y, row], axis=1), column], axis=2)
        return xp.concat([y[:, i : i + height, j : j + width] for i in range(3) for j in range(3)], axis=-1)

    def evaluate(self, predict: Callable[[Batch], Any]) -> dict[str, float]:
        """``test_error``, ``test_accuracy`` and ``test_loss`` on the first test images.

        All batches have one shape, so that nothing is compiled twice: the last is filled up from the beginning with
        images that are not counted.
        """
        batches = math.ceil(self._test_size / _EVAL_BATCH)
        rows = np.arange(batches * math.ceil(self._test_size / batches)) % self._test_size
        logits = np.concatenate([predict(_batch("test", i)) for i in np.split(rows, batches)])[: self._test_size]
        labels = _read("test").labels[: self._test_size]
        logits = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
        likelihoods = logits[np.arange(len(labels)), labels] - np.log(np.exp(logits).sum(axis=-1))
        wrong = float((logits.argmax(axis=-1) != labels).mean())
        return {"test_error": wrong, "test_accuracy": 1 - wrong, "test_loss": -float(likelihoods.mean())}


make_mnist = MnistTask


def _parameters(rng: np.random.Generator, channels: int, filters: int) -> dict[str, Any]:
    found = linear_parameters(rng, "field.conv1", channels, filters)
    found |= linear_parameters(rng, "field.conv2", 9 * filters, filters)
    found |= linear_parameters(rng, "field.conv3", filters, channels)
    return float32(found | linear_parameters(rng, "head", SIDE * SIDE * channels, 10))


def _batch(split: str, rows: Any) -> Batch:
    images, labels = _read(split)
    return {
        "images": images[rows, ..., None].astype(np.float32) / 255,
        "labels": np.eye(10, dtype=np.float32)[labels[rows]],
        "ts": np.array([0.0, 1.0], np.float32),
    }


@cache
def _read(split: str) -> Any:
    """``images`` (N, 28, 28) and ``labels`` (N,), uint8, as suites/mnist finds and checks them."""
    return runpy.run_path(str(_READER))["load"](split)

"""The MNIST task: NumPy data and parameters, and the networks of one framework."""

from __future__ import annotations

import math
from functools import lru_cache, partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from odebench.contract import Recipe
from odebench.errors import UserError

from .data import load
from .parameters import BLOCKS, Model, Stem, initial, trained

if TYPE_CHECKING:
    from collections.abc import Callable

    from odebench.contract import Array, OdeInt

EPOCHS = 160
MILESTONES = (60, 100, 140)
PADDING = 4
EVAL_BATCH = 1000
TRAIN_SIZE, TEST_SIZE = 60_000, 10_000
_PARAMETERS, _ORDER, _CROP = range(3)  # streams of random numbers that share a seed

Batch = dict[Literal["images", "labels"], Any]
"""``images`` (B, 28, 28), float32 in [0, 1]; ``labels`` (B,), int64."""


class MnistTask:
    """A row of the table in one framework: an :class:`odebench.contract.TaskInstance`.

    :param model: the row: ``mlp``, ``stem``, ``resblock``, ``resnet``, ``revnet`` or ``odenet``.
    :param framework: ``torch`` or ``jax``.
    :param seed: of the parameters, of the order of the images and of the crops.
    :param stem: ``conv`` (three convolutions) or ``res`` (a convolution, two ResBlocks); the MLP has neither.
    :param blocks: of ``resnet`` or ``revnet``, in place of six.
    :param steps: training steps; 160 epochs when left out.
    :param probe_size: images in the batch that is counted, timed and measured for memory.
    :param accuracy_size: images in the batch whose errors are measured. The kinks of thousands of ReLUs make a
        reference gradient expensive: two float64 images take as many evaluations as hundreds of training images.
    :param weights: a file of parameters in the suite's data folder to start from, in place of random ones.
    :param test_size: how many of the 10,000 test images, from the first on, are evaluated.
    :raises UserError: for an option out of range.
    """

    params: dict[str, Any]
    recipe: Recipe | None

    def __init__(
        self,
        model: Model,
        framework: Literal["torch", "jax"],
        *,
        seed: int,
        stem: Stem = "conv",
        blocks: int | None = None,
        steps: int | None = None,
        batch_size: int = 128,
        probe_size: int = 128,
        accuracy_size: int = 2,
        test_size: int = TEST_SIZE,
        weights: str | None = None,
    ) -> None:
        if stem not in ("conv", "res"):
            raise UserError(f"mnist: stem must be 'conv' or 'res', got {stem!r}")
        if blocks is not None and (model not in ("resnet", "revnet") or not isinstance(blocks, int) or blocks < 1):
            raise UserError(f"mnist: blocks must be a whole number of at least 1, of resnet or revnet, got {blocks!r}")
        if steps is not None and (not isinstance(steps, int) or steps < 0):
            raise UserError(f"mnist: steps must be a whole number of at least 0, got {steps!r}")
        for name, value, most in (
            ("batch_size", batch_size, TRAIN_SIZE),
            ("probe_size", probe_size, TRAIN_SIZE),
            ("accuracy_size", accuracy_size, TRAIN_SIZE),
            ("test_size", test_size, TEST_SIZE),
        ):
            if not isinstance(value, int) or not 1 <= value <= most:
                raise UserError(f"mnist: {name} must be a whole number between 1 and {most}, got {value!r}")
        self._networks = import_module(f".{framework}_models", __package__)
        self._model, self._stem, self._seed = model, stem, seed
        self._blocks = BLOCKS[model] if blocks is None else blocks
        self._batch_size, self._test_size = batch_size, test_size
        self._probe_size, self._accuracy_size = probe_size, accuracy_size
        self._epoch_steps = TRAIN_SIZE // batch_size
        self.params = {**initial(model, stem, np.random.default_rng([seed, _PARAMETERS]), blocks)}
        if weights is not None:
            self.params = trained(weights, self.params)
        self.recipe = Recipe(
            steps=EPOCHS * self._epoch_steps if steps is None else steps,
            learning_rate=0.1,
            momentum=0.9,
            milestones=tuple(epoch * self._epoch_steps for epoch in MILESTONES),
            decay=0.1,
        )

    def probe(self) -> Batch:
        """The first training images, uncropped; the same for every seed."""
        return _first(self._probe_size)

    def accuracy_probe(self) -> Batch:
        """The first few training images, uncropped; the same for every seed."""
        return _first(self._accuracy_size)

    def batch(self, step: int) -> Batch:
        """Randomly cropped training images. A function of seed, batch size and step alone."""
        epoch, position = divmod(step, self._epoch_steps)
        start = position * self._batch_size
        chosen = _epoch_order(self._seed, epoch)[start : start + self._batch_size]
        images, labels = load("train")
        rng = np.random.default_rng([self._seed, _CROP, step])
        return _batch(random_crop(images[chosen], rng), labels[chosen])

    def predict(self, params: dict[str, Array], batch: Batch, odeint: OdeInt) -> Array:
        """Logits (B, 10)."""
        return self._networks.forward(self._model, self._stem, self._blocks, params, batch["images"], odeint)

    def loss(self, params: dict[str, Array], batch: Batch, odeint: OdeInt) -> Array:
        """The mean cross-entropy."""
        return self._networks.cross_entropy(self.predict(params, batch, odeint), batch["labels"])

    def evaluate(self, predict: Callable[[Batch], Any]) -> dict[str, float]:
        """The fraction of test images that are misclassified.

        All batches have one shape, so that nothing is compiled twice: the last is filled up with images from
        the beginning, which are not counted.
        """
        images, labels = load("test")
        batches = math.ceil(self._test_size / EVAL_BATCH)
        rows = np.arange(batches * math.ceil(self._test_size / batches)) % self._test_size
        guesses = [predict(_batch(images[i], labels[i])).argmax(-1) for i in np.split(rows, batches)]
        wrong = np.concatenate(guesses)[: self._test_size] != labels[: self._test_size]
        return {"test_error": float(wrong.mean())}


make_mlp = partial(MnistTask, "mlp")
make_stem = partial(MnistTask, "stem")
make_resblock = partial(MnistTask, "resblock")
make_resnet = partial(MnistTask, "resnet")
make_revnet = partial(MnistTask, "revnet")
make_odenet = partial(MnistTask, "odenet")


def random_crop(images: npt.NDArray[np.uint8], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Shift each image (N, H, W) by up to four pixels either way, with zeros coming in."""
    n, height, width = images.shape
    padded = np.pad(images, ((0, 0), (PADDING, PADDING), (PADDING, PADDING)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width), (1, 2))
    rows, columns = rng.integers(0, 2 * PADDING + 1, (2, n))
    crops: npt.NDArray[np.uint8] = windows[np.arange(n), rows, columns]
    return crops


def _first(count: int) -> Batch:
    images, labels = load("train")
    return _batch(images[:count], labels[:count])


@lru_cache(maxsize=2)
def _epoch_order(seed: int, epoch: int) -> npt.NDArray[np.int64]:
    return np.random.default_rng([seed, _ORDER, epoch]).permutation(TRAIN_SIZE)


def _batch(images: npt.NDArray[np.uint8], labels: npt.NDArray[np.uint8]) -> Batch:
    return {"images": images.astype(np.float32) / 255, "labels": labels.astype(np.int64)}

"""A flow of MNIST images: dequantisation, the logit transform, and bits per dimension."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from odebench.contract import Array, OdeInt, PyTree
from odebench.errors import UserError
from odebench.tasks import whole
from odebench.tasks.nets import Floats

from .flow import Flow
from .task import LEARNING_RATE, TEST, FlowTask

ALPHA = 1e-6
FITTED = 10_000
SHOWN = 16
SIDES = (7, 14, 28)
Images = NDArray[np.uint8]


class Scaling(NamedTuple):
    """Per pixel, the mean and the standard deviation of the logits."""

    mean: Floats
    deviation: Floats


class ImageTask(FlowTask):
    """A dense flow of whole images, after a fixed scaling of their logits: it starts about where the baseline ends,
    a Gaussian for each pixel's logit by itself, which is the base N(0, I) here.

    ``predict`` returns log p of the dequantised image in [0, 1]^D.

    :param side: of the images, in pixels: 28, or 14 or 7 by means over squares, rounded to whole grey levels.
    :param width: of both hidden layers.
    :param test_size: how many of the 10,000 test images, from the first on, are evaluated, in whole batches.
    """

    def __init__(
        self,
        framework: str,
        *,
        seed: int,
        side: int = 28,
        width: int = 512,
        trace: str = "rademacher",
        steps: int = 10_000,
        batch_size: int = 200,
        test_size: int = 1000,
        learning_rate: float = LEARNING_RATE,
    ) -> None:
        if side not in SIDES:
            raise UserError(f"ffjord: side must be one of {SIDES}, got {side!r}")
        if trace == "exact":
            raise UserError("ffjord: the exact trace of an image takes a product a pixel: use rademacher or gaussian")
        self._side, self._test_size = side, whole("ffjord", "test_size", test_size, 1, 10_000)
        self._scaling = _scaling(side)
        super().__init__(
            lambda rng, n: (images := _images("train", side))[rng.integers(0, len(images), n)],
            [side**2, *2 * [whole("ffjord", "width", width, 1)], side**2],
            framework,
            seed=seed,
            trace=trace,
            steps=steps,
            batch_size=batch_size,
            learning_rate=learning_rate,
            weight_decay=0.0,
        )

    def predict(self, params: dict[str, Array], batch: PyTree, odeint: OdeInt) -> Array:
        found = super().predict(params, batch, odeint)
        return found if "z" in batch else found + batch["log_slope"]

    def loss(self, params: dict[str, Array], batch: PyTree, odeint: OdeInt) -> Array:
        """Bits per dimension."""
        return bits(self._xp.mean(self.predict(params, batch, odeint)), self._side**2)

    def evaluate(self, predict: Callable[[PyTree], Any]) -> dict[str, float]:
        """On test images, ``test_bits`` per dimension, its standard error, and those of two baselines that know nothing
        between pixels: ``baseline_bits`` of a Gaussian for each logit, which the flow beats by ``gain_bits``, and
        ``histogram_bits`` of each pixel's grey levels in the training images (with one more of each level)."""
        pixels = _images("test", self._side)[: self._test_size]
        size = min(self._batch_size, self._test_size)
        # Whole batches, so that nothing is compiled twice: the last images that do not fill one are left out.
        rows = np.arange(self._test_size // size * size).reshape(-1, size)
        batches = [self._prepared(pixels[row], 0, TEST, i) for i, row in enumerate(rows)]
        per_image = np.concatenate([bits(np.asarray(predict(b), np.float64), self._side**2) for b in batches])
        normal = [Flow(np).log_normal(b["x"]) + b["log_slope"] for b in batches]
        baseline, test = float(np.mean([bits(n, self._side**2) for n in normal])), float(per_image.mean())
        return {
            "test_bits": test,
            "test_bits_standard_error": float(per_image.std(ddof=1)) / math.sqrt(len(per_image)),
            "baseline_bits": baseline,
            "gain_bits": baseline - test,
            "histogram_bits": histogram_bits(_images("train", self._side), pixels[: rows.size]),
        }

    def outputs(self, predict: Callable[[PyTree], Any]) -> dict[str, Any]:
        """``samples`` and ``data``, (16, side, side) in grey levels."""
        z = np.random.default_rng([self._seed, TEST, 1]).standard_normal((SHOWN, self._side**2))
        logits = np.asarray(predict({"z": z.astype(np.float32)}), np.float64)
        samples = grey_levels(logits * self._scaling.deviation + self._scaling.mean)
        data = _images("test", self._side)[:SHOWN]
        return {
            name: x.reshape(SHOWN, self._side, self._side) for name, x in {"samples": samples, "data": data}.items()
        }

    def _batch(self, n: int, *entropy: int) -> PyTree:
        return self._prepared(self._draw(np.random.default_rng([*entropy]), n), *entropy)

    def _prepared(self, pixels: Images, *entropy: int) -> PyTree:
        """``x`` scaled logits, ``log_slope`` (B,) the log-determinant of how they came from [0, 1]^D, and ``eps``."""
        rng = np.random.default_rng([*entropy, 1])
        logits, log_slope = to_logits(dequantised(pixels, rng))
        x = (logits - self._scaling.mean) / self._scaling.deviation
        log_slope = log_slope - np.log(self._scaling.deviation).sum()
        found = {"x": x, "log_slope": log_slope, "eps": self._epsilon(x.shape, *entropy)}
        return {name: array.astype(np.float32) for name, array in found.items()}


def dequantised(pixels: Images, rng: np.random.Generator) -> Floats:
    """(pixel + u)/256 in [0, 1], u uniform: FFJORD's (255 x + u)/256 of x = pixel/255."""
    found: Floats = (pixels + rng.uniform(size=pixels.shape)) / 256
    return found


def to_logits(v: Floats) -> tuple[Floats, Floats]:
    """y = logit(s), s = α + (1 − 2α) v, of v (B, D); and log |det dy/dv| (B,)."""
    s = ALPHA + (1 - 2 * ALPHA) * v
    slopes = math.log(1 - 2 * ALPHA) - np.log(s) - np.log1p(-s)
    return np.log(s) - np.log1p(-s), slopes.sum(axis=-1)


def grey_levels(logits: Floats) -> Images:
    """The images that such logits come from."""
    s = 1 / (1 + np.exp(-np.clip(logits, -40, 40)))
    return np.clip(np.floor(256 * (s - ALPHA) / (1 - 2 * ALPHA)), 0, 255).astype(np.uint8)


def bits(log_density: Any, dimension: int) -> Any:
    """Bits per dimension, −(log p/D − ln 256)/ln 2, of log p on [0, 1]^D."""
    return -(log_density / dimension - math.log(256)) / math.log(2)


def histogram_bits(train: Images, test: Images) -> float:
    """Bits per dimension of ``test`` (N, D) when each pixel's grey levels are as often as in ``train``, plus one."""
    found = 0.0
    for pixel in range(train.shape[1]):
        counts = np.bincount(train[:, pixel], minlength=256) + 1.0
        found -= float(np.log2(counts / counts.sum())[test[:, pixel]].mean())
    return found / int(train.shape[1])


@cache
def _images(split: str, side: int) -> Images:
    """(N, D) of suites/mnist's files, read and checked by its own loader."""
    file = Path(__file__).parents[1] / "mnist" / "data.py"
    spec = importlib.util.spec_from_file_location("ffjord_mnist_data", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    images: Images = module.load(split).images
    n, factor = len(images), 28 // side
    squares = images.reshape(n, side, factor, side, factor).astype(np.uint16).sum(axis=(2, 4))
    rounded: Images = ((squares + factor**2 // 2) // factor**2).astype(np.uint8)
    return rounded.reshape(n, side**2)


@cache
def _scaling(side: int) -> Scaling:
    logits, _ = to_logits(dequantised(_images("train", side)[:FITTED], np.random.default_rng(0)))
    return Scaling(logits.mean(axis=0), logits.std(axis=0))

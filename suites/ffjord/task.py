"""What the suite's flows have in common: maximum likelihood with Hutchinson's estimator, on whatever data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from odebench.contract import Array, OdeInt, PyTree, Recipe
from odebench.errors import UserError, choices
from odebench.tasks import namespace, one_of, positive, whole
from odebench.tasks.nets import Floats, float32

from .field import ACTIVATIONS
from .flow import TRACES, Flow, initial, noise

DATA = Path(__file__).parent / "data"
LEARNING_RATE, WEIGHT_DECAY = 1e-3, 1e-5
PARAMETERS, TRAINING, EPSILON, TEST, PROBE = range(5)
"""Streams of random numbers that share a seed."""


Draw = Callable[[np.random.Generator, int], Any]
"""``(rng, n)``: n training points (n, D)."""


class FlowTask:
    """A flow as an :class:`odebench.contract.TaskInstance`, but for its metrics.

    ``predict`` has two ways: log p(x) (B,) of ``{"x": (B, D)}``, by the exact trace unless the batch brings its ε,
    and samples (B, D) of ``{"z": (B, D)}``.

    :param draw: of the training data.
    :param sizes: of the field's layers, from D to D.
    :param framework: ``torch`` or ``jax``.
    :param seed: of the parameters, of the data and of ε.
    :param trace: in training: ``rademacher`` or ``gaussian`` noise, or ``exact``.
    :param activation: of the field, ``tanh`` or ``softplus``.
    :param weights: a file of parameters in the suite's data folder to start from, in place of random ones.
    :raises UserError: for an option out of range.
    """

    params: dict[str, Any]
    recipe: Recipe | None

    def __init__(
        self,
        draw: Draw,
        sizes: list[int],
        framework: str,
        *,
        seed: int,
        trace: str,
        steps: int,
        batch_size: int,
        learning_rate: float = LEARNING_RATE,
        weight_decay: float = WEIGHT_DECAY,
        activation: str = "tanh",
        weights: str | None = None,
    ) -> None:
        one_of("ffjord", "trace", trace, TRACES)
        positive("ffjord", "learning_rate", learning_rate)
        if weight_decay:
            positive("ffjord", "weight_decay", weight_decay)
        self._draw, self._dimension, self._trace = draw, sizes[0], trace
        self._seed, self._batch_size = seed, whole("ffjord", "batch_size", batch_size, 1)
        self._xp = namespace(framework)
        self._flow = Flow(self._xp, one_of("ffjord", "activation", activation, ACTIVATIONS))
        self.params = float32(initial(np.random.default_rng([seed, PARAMETERS]), sizes))
        if weights is not None:
            self.params = trained(weights, self.params)
        self.recipe = Recipe(
            steps=whole("ffjord", "steps", steps, 0),
            learning_rate=learning_rate,
            optimizer="adam",
            weight_decay=weight_decay,
        )

    def probe(self) -> PyTree:
        """A batch that no training step sees; the same for every seed."""
        return self._batch(self._batch_size, 0, PROBE)

    def accuracy_probe(self) -> PyTree:
        return self._batch(min(16, self._batch_size), 0, PROBE)

    def batch(self, step: int) -> PyTree:
        """Fresh points, and the ε of their solve."""
        return self._batch(self._batch_size, self._seed, TRAINING, step)

    def loss(self, params: dict[str, Array], batch: PyTree, odeint: OdeInt) -> Array:
        """The mean negative log-likelihood in nats."""
        return -self._xp.mean(self.predict(params, batch, odeint))

    def predict(self, params: dict[str, Array], batch: PyTree, odeint: OdeInt) -> Array:
        if "z" in batch:
            return self._flow.sample(params, batch["z"], odeint)
        return self._flow.log_density(params, batch["x"], batch.get("eps"), odeint)

    def _batch(self, n: int, *entropy: int) -> PyTree:
        x = np.asarray(self._draw(np.random.default_rng([*entropy]), n), np.float32)
        return {"x": x} if self._trace == "exact" else {"x": x, "eps": self._epsilon(x.shape, *entropy)}

    def _epsilon(self, shape: tuple[int, ...], *entropy: int) -> Any:
        kind = "rademacher" if self._trace == "exact" else self._trace
        return noise(np.random.default_rng([*entropy, EPSILON]), kind, shape).astype(np.float32)


def in_chunks(predict: Callable[[PyTree], Any], name: str, rows: Floats, size: int) -> Floats:
    """Predictions of the rows, in chunks of one size, so that nothing is compiled twice; the last one is filled up."""
    index = np.arange(-(-len(rows) // size) * size) % len(rows)
    chunks = [predict({name: np.asarray(rows[i], np.float32)}) for i in index.reshape(-1, size)]
    found: Floats = np.concatenate(chunks).astype(np.float64)[: len(rows)]
    return found


def on_grid(predict: Callable[[PyTree], Any], span: float, edge: int, size: int) -> Floats:
    """p (edge, edge), over x₂ and x₁, at the centres of the cells of a grid on [−span, span]²."""
    side = span * ((2 * np.arange(edge) + 1) / edge - 1)
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    density: Floats = np.exp(in_chunks(predict, "x", grid, size)).reshape(edge, edge)
    return density


def mass_error(density: Floats, span: float) -> float:
    """|Σ p · cell − 1| on such a grid. Where it resolves p, a smooth density's sum is its integral to rounding."""
    return abs(float(density.sum()) * (2 * span / len(density)) ** 2 - 1)


def gaussian_nats(train: Floats, test: Floats) -> float:
    """The baseline: the mean negative log-likelihood of ``test`` (N, D) under the Gaussian fitted to ``train``."""
    mean, covariance = train.mean(axis=0), np.atleast_2d(np.cov(train, rowvar=False))
    centred = test - mean
    squares = np.einsum("ni,ni->n", centred, np.linalg.solve(covariance, centred.T).T)
    return float(0.5 * (squares.mean() + np.linalg.slogdet(2 * np.pi * covariance)[1]))


def trained(file: str, like: dict[str, Any]) -> dict[str, Any]:
    """The parameters in a file of the data folder, which are stored in half precision.

    :raises UserError: when there is no such file, or it is of another net than ``like``.
    """
    path = DATA / file
    if not path.is_file():
        valid = [other.name for other in sorted(DATA.glob("*.npz"))]
        raise UserError(f"ffjord: weights: there is no {file!r}; {choices(file, valid)}")
    with np.load(path) as stored:
        found = float32({name: stored[name] for name in stored.files})
    if {name: p.shape for name, p in found.items()} != {name: p.shape for name, p in like.items()}:
        raise UserError(f"ffjord: weights: {file!r} are not those of this net")
    return found

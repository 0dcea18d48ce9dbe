"""What all tasks of the suite share: the series of a seed, their batches, and how predictions are scored."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from odebench.contract import Recipe
from odebench.tasks import positive, whole
from odebench.tasks.nets import Floats

from .spirals import GRID, LAST_START, NOISE, SEEN, Spirals, draw

PARAMETERS, TRAIN, TEST, ORDER, NOISES, TEST_NOISES = range(6)
"""Streams of random numbers that share a seed."""

_SUITE = "latent_ode"


class Series:
    """Training and test series of a seed, and which of them make a step's batch.

    :param points: how many of the first 100 times of a series are seen.
    :param series: how many there are to train on.
    :raises UserError: for an option out of range.
    """

    def __init__(
        self,
        seed: int,
        *,
        points: int,
        series: int,
        test_series: int,
        batch_size: int,
        steps: int,
        learning_rate: float,
    ) -> None:
        whole(_SUITE, "points", points, 2, SEEN)
        whole(_SUITE, "series", series, 1)
        whole(_SUITE, "test_series", test_series, 20)  # so that both directions are among them
        whole(_SUITE, "batch_size", batch_size, 1, series)
        whole(_SUITE, "steps", steps, 0)
        self.seed, self.points, self._batch_size = seed, points, batch_size
        self.train = draw(np.random.default_rng([seed, TRAIN]), series, points)
        self.test = draw(np.random.default_rng([seed, TEST]), test_series, points)
        rate = positive(_SUITE, "learning_rate", learning_rate)
        self.recipe = Recipe(steps, rate, optimizer="adam", milestones=(steps // 2, 3 * steps // 4), decay=0.3)

    def first(self, count: int) -> Spirals:
        """Of the training series."""
        return self.train.take(np.arange(min(count, len(self.train.clean))))

    def probe(self) -> Spirals:
        return self.first(self._batch_size)

    def batch(self, step: int) -> Spirals:
        """Training series, none twice. A function of seed, sizes and step alone."""
        rng = np.random.default_rng([self.seed, ORDER, step])
        return self.train.take(rng.choice(len(self.train.clean), self._batch_size, replace=False))


def gaps(spirals: Spirals, after: float) -> Floats:
    """(N, n): from each seen time to the next, and from the last to grid point ``after``, in mean gaps of 100/n."""
    ends = np.concatenate([spirals.seen[:, 1:], np.full((len(spirals.seen), 1), after)], axis=1)
    found: Floats = (ends - spirals.seen) * (spirals.seen.shape[1] / SEEN)
    return found


def on_the_grid(positions: Floats, predictions: Floats) -> Floats:
    """Predictions (N, P, 2) at ascending positions (N, P) on the grid, joined by straight lines: (N, 200, 2)."""
    grid = np.arange(len(GRID))
    rows = zip(positions, predictions, strict=True)
    return np.stack([np.stack([np.interp(grid, p, x) for x in row.T], axis=-1) for p, row in rows])


def scores(predicted: Floats, spirals: Spirals) -> dict[str, float]:
    """Root mean squared errors of a coordinate, for predictions (N, 200, 2) against the clean series and the noisy one.

    Interpolation is judged at the grid points between a series' second and its last seen one, where every model of
    the suite has a prediction; extrapolation at the hundred points beyond; ``covered`` at those of them where training
    series have been seen: further out no model can know how a spiral goes on.
    """
    grid = np.arange(len(GRID))
    between = (grid >= spirals.seen[:, 1:2]) & (grid <= spirals.seen[:, -1:])
    beyond = np.broadcast_to(grid >= SEEN, between.shape)
    found = {}
    covered = beyond & (spirals.starts[:, None] + grid < LAST_START + SEEN)
    for name, where in (("interpolation", between), ("extrapolation", beyond), ("covered", covered)):
        found[f"test_rmse_{name}"] = rmse(predicted, spirals.clean, where)
        found[f"test_rmse_{name}_noisy"] = rmse(predicted, spirals.noisy, where)
    return found


def rmse(predicted: Floats, target: Floats, where: NDArray[np.bool_]) -> float:
    return float(np.sqrt(np.mean((predicted - target)[where] ** 2)))


def log_likelihood(predicted: Floats, target: Floats) -> Floats:
    """log N(target; predicted, 0.3²), summed over the two coordinates. (…, 2) → (…)."""
    each: Floats = -0.5 * ((target - predicted) / NOISE) ** 2 - np.log(NOISE) - 0.5 * np.log(2 * np.pi)
    return each[..., 0] + each[..., 1]


def judged(predictions: Floats, positions: Floats, spirals: Spirals) -> dict[str, float]:
    """Scores of a net's predictions (N, n - 1 + P, 2), the seen points but the first and P beyond, that stand at
    ``positions`` on the grid, joined by straight lines; and ``test_log_likelihood`` of a seen point given those before.
    """
    predictions = predictions.astype(np.float64)
    ahead = log_likelihood(predictions[:, : spirals.seen.shape[1] - 1], spirals.observed[:, 1:])
    return scores(on_the_grid(positions, predictions), spirals) | {"test_log_likelihood": float(ahead.mean())}


def pictured(decoded: Floats, spirals: Spirals) -> dict[str, NDArray[np.float32]]:
    """Series with what is seen of them and what is made of them, (N, 200, 2)."""
    found = {"clean": spirals.clean, "observed": spirals.observed, "decoded": decoded}
    return {name: array.astype(np.float32) for name, array in found.items()}


def two_of_each(spirals: Spirals) -> NDArray[np.int64]:
    """The first two series of each direction: those that are shown."""
    return np.concatenate([np.flatnonzero(spirals.clockwise)[:2], np.flatnonzero(~spirals.clockwise)[:2]])

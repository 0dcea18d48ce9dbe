"""FFJORD's toy densities: what is learnt, and whether what is learnt is a density."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from odebench.contract import PyTree
from odebench.tasks import one_of, whole

from .densities import DENSITIES
from .task import LEARNING_RATE, TEST, FlowTask, gaussian_nats, in_chunks, mass_error, on_grid

SIZES = [2, 64, 64, 64, 2]
SPAN = 6.0
FITTED = 10_000


class ToyTask(FlowTask):
    """One of the eight densities.

    :param density: its name.
    :param test_size: held-out points.
    :param edge: points along an edge of the grid on [−6, 6]² that the learnt density is summed over; 0 for none.
    :param weights: ``"trained"`` for the net that the data folder has of this density and seed.
    """

    def __init__(
        self,
        framework: str,
        *,
        seed: int,
        density: str = "moons",
        trace: str = "rademacher",
        steps: int = 10_000,
        batch_size: int = 100,
        test_size: int = 1000,
        edge: int = 100,
        learning_rate: float = LEARNING_RATE,
        weights: str | None = None,
    ) -> None:
        one_of("ffjord", "density", density, DENSITIES)
        self._test_size, self._edge = whole("ffjord", "test_size", test_size, 1), whole("ffjord", "edge", edge, 0)
        super().__init__(
            DENSITIES[density],
            SIZES,
            framework,
            seed=seed,
            trace=trace,
            steps=steps,
            batch_size=batch_size,
            learning_rate=learning_rate,
            weights=f"{density}-{seed}.npz" if weights == "trained" else weights,
        )

    def evaluate(self, predict: Callable[[PyTree], Any]) -> dict[str, float]:
        """By the exact trace. ``test_nats``: mean negative log-likelihood of held-out points; ``baseline_nats``: the
        same under a Gaussian fitted to 10,000 points; ``gain_nats``: the difference, above 0 where the flow is better;
        ``mass_error`` on the grid.
        """
        rng = np.random.default_rng([self._seed, TEST])
        test, train = self._draw(rng, self._test_size), self._draw(rng, FITTED)
        nats = -float(in_chunks(predict, "x", test, self._test_size).mean())
        baseline = gaussian_nats(train, test)
        found = {"test_nats": nats, "baseline_nats": baseline, "gain_nats": baseline - nats}
        if self._edge:
            found["mass_error"] = mass_error(on_grid(predict, SPAN, self._edge, self._test_size), SPAN)
        return found

    def outputs(self, predict: Callable[[PyTree], Any]) -> dict[str, Any]:
        """``density`` (edge, edge) over x₂, x₁; as many ``samples`` of the flow and points of the ``data`` as are
        tested."""
        z = np.random.default_rng([self._seed, TEST, 1]).standard_normal((self._test_size, 2))
        data = self._draw(np.random.default_rng([self._seed, TEST]), self._test_size)
        found = {"samples": in_chunks(predict, "z", z, self._test_size), "data": data}
        if self._edge:
            found["density"] = on_grid(predict, SPAN, self._edge, self._test_size)
        return {name: array.astype(np.float16) for name, array in found.items()}

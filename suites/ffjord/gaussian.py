"""From N(0, I) to N(0, 4 I) in D dimensions: a problem that is as hard in one dimension as in many."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from odebench.contract import PyTree
from odebench.errors import UserError
from odebench.tasks import whole
from odebench.tasks.nets import Floats

from .task import TEST, FlowTask, in_chunks, mass_error, on_grid

SCALE = 2.0
SPAN, EDGE = 6 * SCALE, 48


class GaussianTask(FlowTask):
    """The flow of an isotropic Gaussian.

    :param dimension: D.
    :param width: of both hidden layers; at least D, or the field could not expand every direction.
    :param weights: ``"trained"`` for the net that the data folder has of this dimension and seed.
    """

    def __init__(
        self,
        framework: str,
        *,
        seed: int,
        dimension: int = 2,
        width: int = 64,
        trace: str = "rademacher",
        steps: int = 1000,
        batch_size: int = 100,
        test_size: int = 500,
        weights: str | None = None,
    ) -> None:
        whole("ffjord", "dimension", dimension, 1)
        if whole("ffjord", "width", width, 1) < dimension:
            raise UserError(f"ffjord: width must be at least the dimension, {dimension}, got {width}")
        self._test_size = whole("ffjord", "test_size", test_size, 1)
        super().__init__(
            lambda rng, n: SCALE * rng.standard_normal((n, dimension)),
            [dimension, width, width, dimension],
            framework,
            seed=seed,
            trace=trace,
            steps=steps,
            batch_size=batch_size,
            weights=f"gaussian-{dimension}-{seed}.npz" if weights == "trained" else weights,
        )

    def evaluate(self, predict: Callable[[PyTree], Any]) -> dict[str, float]:
        """By the exact trace, of held-out points and a dimension: ``kl`` from the target, which is known, to the flow,
        and ``baseline_kl`` to the base N(0, I); in two dimensions the ``mass_error``, too, on a grid of 48 × 48 cells
        over ±6 standard deviations."""
        test: Floats = self._draw(np.random.default_rng([self._seed, TEST]), self._test_size)
        squares = (test**2).sum(axis=1)
        constant = 0.5 * self._dimension * math.log(2 * math.pi)
        target = -0.5 * squares / SCALE**2 - self._dimension * math.log(SCALE) - constant
        flow = in_chunks(predict, "x", test, self._test_size)
        rest = {"kl": flow, "baseline_kl": -0.5 * squares - constant}
        metrics = {name: float((target - found).mean()) / self._dimension for name, found in rest.items()}
        if self._dimension == 2:
            metrics["mass_error"] = mass_error(on_grid(predict, SPAN, EDGE, self._test_size), SPAN)
        return metrics

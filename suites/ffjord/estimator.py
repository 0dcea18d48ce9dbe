"""Hutchinson's estimator by itself: its mean and its variance over many draws, against what they should be."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from odebench.contract import Array, OdeInt, PyTree
from odebench.tasks import namespace, one_of, whole
from odebench.tasks.nets import Floats, float32

from .field import field_and_products, parameters
from .flow import noise
from .task import EPSILON, PARAMETERS, TEST

TIME = 0.25
WIDTH = 64


class TraceTask:
    """εᵀ J ε for the Jacobian J of a flow's initial field at one point: no ODE, and nothing to train.

    :param framework: ``torch`` or ``jax``.
    :param seed: of the field, of the point and of ε.
    :param dimension: D.
    :param trace: ``gaussian`` or ``rademacher`` noise.
    :param draws: of ε.
    :raises UserError: for an option out of range.
    """

    recipe = None

    def __init__(
        self, framework: str, *, seed: int, dimension: int = 8, trace: str = "rademacher", draws: int = 10_000
    ) -> None:
        whole("ffjord", "dimension", dimension, 2)
        one_of("ffjord", "trace", trace, ("gaussian", "rademacher"))
        self._xp, self._trace, self._dimension = namespace(framework), trace, dimension
        self._draws, self._seed = whole("ffjord", "draws", draws, 2), seed
        rng = np.random.default_rng([seed, PARAMETERS])
        self.params: dict[str, Any] = float32(parameters(rng, [dimension, WIDTH, WIDTH, dimension]))
        self._point = np.random.default_rng([seed, TEST]).standard_normal((1, dimension)).astype(np.float32)

    def probe(self) -> PyTree:
        """The ``point`` (1, D) and 100 ``directions`` (K, D)."""
        return self._batch(self._epsilon()[:100])

    accuracy_probe = probe

    def batch(self, step: int) -> PyTree:
        return self.probe()

    def predict(self, params: dict[str, Array], batch: PyTree, odeint: OdeInt) -> Array:
        """J times each direction (K, D)."""
        directions = batch["directions"][:, None, :]
        _, products = field_and_products(self._xp, "tanh", TIME, batch["point"], directions, params)
        assert products is not None
        return products[:, 0, :]

    def loss(self, params: dict[str, Array], batch: PyTree, odeint: OdeInt) -> Array:
        """The mean estimate."""
        products = self.predict(params, batch, odeint)
        return self._xp.sum(products * batch["directions"]) / products.shape[0]

    def evaluate(self, predict: Callable[[PyTree], Any]) -> dict[str, float]:
        """``standard_errors``: how many of them the mean is from the ``exact_trace``; ``variance_ratio``: the variance
        over 2‖S‖² (Gaussian) or 2(‖S‖² − Σ Sᵢᵢ²) (Rademacher), S = (J + Jᵀ)/2."""
        jacobian = np.asarray(predict(self._batch(np.eye(self._dimension)))).astype(np.float64).T
        eps = self._epsilon()
        estimates = np.sum(eps * predict(self._batch(eps)), axis=1, dtype=np.float64)
        exact, error = float(np.trace(jacobian)), float(estimates.std(ddof=1)) / math.sqrt(self._draws)
        return {
            "exact_trace": exact,
            "standard_errors": abs(float(estimates.mean()) - exact) / error,
            "variance_ratio": float(estimates.var(ddof=1)) / variance(jacobian, self._trace),
        }

    def _epsilon(self) -> Floats:
        rng = np.random.default_rng([self._seed, EPSILON])
        return noise(rng, self._trace, (self._draws, self._dimension))

    def _batch(self, directions: Floats) -> PyTree:
        return {"point": self._point, "directions": directions.astype(np.float32)}


def variance(jacobian: Floats, trace: str) -> float:
    """Of εᵀ J ε for one ε (Hutchinson 1990; Avron & Toledo 2011, §4)."""
    symmetric = (jacobian + jacobian.T) / 2
    found = 2 * (symmetric**2).sum()
    return float(found if trace == "gaussian" else found - 2 * (np.diag(symmetric) ** 2).sum())

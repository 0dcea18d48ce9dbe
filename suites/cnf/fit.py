"""Maximum likelihood: data are carried to the base, where their density is known."""

from __future__ import annotations

from typing import Any

import numpy as np

from odebench.contract import Array, OdeInt, PyTree, Recipe
from odebench.tasks import namespace, positive, whole

from .data import Floats, Source, gaussian_nll
from .flows import CHUNK, Flow, Predict, carry, gaussian_log_density, inverse_error, log_density, mass_error
from .targets import grid

_PARAMETERS, _BATCH, _TEST, _TRAIN, _BASE = range(5)  # streams of random numbers that share a seed
STAGES = (0.05, 0.2, 0.4, 0.6, 0.8, 1.0)
_SIDE, _SHOWN = 64, 400


class FitTask:
    """A flow between N(0, variance · I) and data in the plane: an :class:`odebench.contract.PicturedTask`.

    The loss is the mean negative log-likelihood, in nats, of data drawn afresh at each step.

    :param inverts: whether the flow can carry points from the base as well: what samples are drawn by.
    :param seed: of the parameters and of all data.
    :param batch_size: points of a step.
    :param test_size: points of the evaluation.
    :raises UserError: for an option out of range.
    """

    def __init__(
        self,
        source: Source,
        flow: Flow,
        framework: str,
        recipe: Recipe,
        *,
        inverts: bool,
        seed: int,
        variance: float,
        batch_size: int,
        test_size: int,
    ) -> None:
        self._source, self._flow, self._inverts, self._seed = source, flow, inverts, seed
        self._xp = namespace(framework)
        self._variance = positive("cnf", "variance", variance)
        self._batch_size = whole("cnf", "batch_size", batch_size, 2)
        self._test_size = whole("cnf", "test_size", test_size, 2)
        self.params: dict[str, Any] = flow.parameters(np.random.default_rng([seed, _PARAMETERS]))
        self.recipe: Recipe | None = recipe

    def probe(self) -> PyTree:
        return self._flow.batch(self._draw(self._batch_size, _TRAIN), 1.0, 0.0)

    def accuracy_probe(self) -> PyTree:
        return self._flow.batch(self._draw(32, _TRAIN), 1.0, 0.0)

    def batch(self, step: int) -> PyTree:
        """Data (B, 2), and what the flow wants to know of its span."""
        return self._flow.batch(self._draw(self._batch_size, _BATCH, step), 1.0, 0.0)

    def _draw(self, count: int, *stream: int) -> Floats:
        return self._source.draw(count, np.random.default_rng([self._seed, *stream]))

    def predict(self, params: dict[str, Array], batch: PyTree, odeint: OdeInt) -> Array:
        """(N, 3): the points at the end of a part of the flow, and the changes of their log-density."""
        z, change = self._flow.transport(params, batch, odeint)
        return self._xp.concat([z, change[:, None]], axis=1)

    def loss(self, params: dict[str, Array], batch: PyTree, odeint: OdeInt) -> Array:
        xp = self._xp
        z, change = self._flow.transport(params, batch, odeint)
        return -xp.mean(gaussian_log_density(z, self._variance, xp) - change)

    def evaluate(self, predict: Predict) -> dict[str, float]:
        """``test_nll`` in nats, beside that of a Gaussian fitted to as many data (``gaussian_nll``) and of the law that
        the data are drawn from (``true_nll``); ``kl``, the excess over the last; ``mass_error``; and of a flow with an
        inverse ``inverse_error``."""
        test, train = self._draw(self._test_size, _TEST), self._draw(self._test_size, _TRAIN)
        nll = -float(log_density(self._flow, predict, test, self._variance).mean())
        true_nll = -float(self._source.log_density(test).mean())
        found = {
            "test_nll": nll,
            "gaussian_nll": gaussian_nll(train, test),
            "true_nll": true_nll,
            "kl": nll - true_nll,
            "mass_error": mass_error(self._flow, predict, self._variance),
        }
        if self._inverts:
            found["inverse_error"] = inverse_error(self._flow, predict, test, 1.0, 0.0)
        return found

    def outputs(self, predict: Predict) -> dict[str, Any]:
        """Of seed 0: ``log_density`` (6, 64, 64) on a grid on the data's window at 5, 20, 40, 60, 80 and 100 % of the
        flow, and of a flow with an inverse ``samples`` (6, 400, 2) there."""
        if self._seed:
            return {}
        x = grid(self._source.half, _SIDE)
        seen = [log_density(self._flow, predict, x, self._variance, stage) for stage in STAGES]
        found = {"log_density": np.stack(seen).reshape(-1, _SIDE, _SIDE).astype(np.float16)}
        if self._inverts:
            rng = np.random.default_rng([self._seed, _BASE])
            z = np.sqrt(self._variance) * rng.standard_normal((CHUNK, 2))
            moved = [carry(self._flow, predict, z, 0.0, stage)[0][:_SHOWN] for stage in STAGES]
            found["samples"] = np.stack(moved).astype(np.float16)
        return found

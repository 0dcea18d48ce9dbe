"""Whether a density integrates to 1, and how far that depends on the solver's tolerance."""

from __future__ import annotations

from typing import Any

import numpy as np

from odebench.contract import Array, OdeInt, PyTree
from odebench.tasks import namespace

from .continuous import ContinuousFlow
from .flows import Predict, gaussian_log_density, mass_error

HALF, POINTS = 8.0, 257


class MassTask:
    """A continuous flow that is not trained, but lively: its unit's parameters are of order 1.

    :param seed: of the parameters and of the points.
    :param size: M.
    :raises UserError: for an option out of range.
    """

    recipe = None

    def __init__(self, framework: str, *, seed: int, size: int = 8) -> None:
        self._flow = ContinuousFlow(framework, size)
        self._xp = namespace(framework)
        rng = np.random.default_rng(seed)
        self.params: dict[str, Any] = self._flow.parameters(rng)
        for part in ("weight", "bias"):
            self.params[f"hyper.2.{part}"] *= np.float32(3)
        self._points = rng.standard_normal((256, 2))

    def probe(self) -> PyTree:
        return self._flow.batch(self._points, 1.0, 0.0)

    accuracy_probe = probe

    def batch(self, step: int) -> PyTree:
        return self.probe()

    def predict(self, params: dict[str, Array], batch: PyTree, odeint: OdeInt) -> Array:
        """(N, 3): the points at the base, and the changes of their log-density."""
        z, change = self._flow.transport(params, batch, odeint)
        return self._xp.concat([z, change[:, None]], axis=1)

    def loss(self, params: dict[str, Array], batch: PyTree, odeint: OdeInt) -> Array:
        """The mean negative log-density of the points."""
        z, change = self._flow.transport(params, batch, odeint)
        return -self._xp.mean(gaussian_log_density(z, 1.0, self._xp) - change)

    def evaluate(self, predict: Predict) -> dict[str, float]:
        """``mass_error``: |∫p − 1| over [−8, 8]²."""
        return {"mass_error": mass_error(self._flow, predict, 1.0, HALF, POINTS)}

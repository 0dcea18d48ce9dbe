"""The rivals: recurrent nets that predict the next observation, with the time until it or without."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import numpy as np

from odebench.contract import Array, OdeInt
from odebench.tasks import namespace, whole
from odebench.tasks.nets import Floats, float32, linear, linear_parameters

from .series import PARAMETERS, Series, gaps, judged, on_the_grid, pictured, two_of_each
from .spirals import BEYOND, GRID, NOISE, SEEN, Spirals

Batch = dict[str, Any]
"""``observed`` (n, B, 2 or 3): x, y and, for a net that is told, the gap until the next; ``gaps`` (P, B, 0 or 1): those
between the predictions that are fed back."""


class Recurrent:
    """An :class:`odebench.contract.TaskInstance`: h ← tanh(W [x, Δ, h] + b), and the next x from h.

    The likelihood is Gaussian with the data's standard deviation, as the latent ODE's is. Beyond the last observation
    the net is fed its own predictions: one that is told the gaps at the grid's spacing, the other as often as it was
    fed observations, as its predictions can be no nearer to each other than these were on average.

    :param timed: whether it is told the gap until the next observation.
    """

    def __init__(
        self,
        timed: bool,
        framework: Literal["torch", "jax"],
        *,
        seed: int,
        points: int = 30,
        units: int = 25,
        steps: int = 2000,
        batch_size: int = 100,
        learning_rate: float = 0.01,
        series: int = 1000,
        test_series: int = 100,
    ) -> None:
        whole("latent_ode", "units", units, 1)
        self._xp, self._timed = namespace(framework), timed
        self._series = Series(
            seed, points=points, series=series, test_series=test_series, batch_size=batch_size, steps=steps,
            learning_rate=learning_rate,
        )  # fmt: skip
        self.recipe = self._series.recipe
        rng = np.random.default_rng([seed, PARAMETERS])
        self.params: dict[str, Any] = float32(
            linear_parameters(rng, "cell", 2 + timed + units, units) | linear_parameters(rng, "next", units, 2)
        )

    def probe(self) -> Batch:
        return self._inputs(self._series.probe())

    def accuracy_probe(self) -> Batch:
        return self._inputs(self._series.first(4))

    def batch(self, step: int) -> Batch:
        return self._inputs(self._series.batch(step))

    def predict(self, params: dict[str, Array], batch: Batch, odeint: OdeInt) -> Array:
        """(B, n + P, 2): one step ahead of each observation, then of each prediction but the last."""
        xp = self._xp
        h, seen = self._read(params, batch["observed"])

        def step(carry: tuple[Array, Array], gap: Array) -> tuple[tuple[Array, Array], Array]:
            h, x = self._step(params, carry[0], xp.concat([carry[1], gap], axis=-1))
            return (h, x), x

        _, beyond = xp.scan(step, (h, seen[-1]), batch["gaps"])
        return xp.permute_dims(xp.concat([seen, beyond]), (1, 0, 2))

    def loss(self, params: dict[str, Array], batch: Batch, odeint: OdeInt) -> Array:
        """Minus the log-likelihood of a series after its first observation: the mean over the batch."""
        _, predicted = self._read(params, batch["observed"])
        errors = ((batch["observed"][1:, :, :2] - predicted[:-1]) / NOISE) ** 2 / 2
        points = batch["observed"].shape[0] - 1
        constant = 2 * points * (math.log(NOISE) + 0.5 * math.log(2 * math.pi))
        return self._xp.sum(errors) / errors.shape[1] + constant

    def _read(self, params: dict[str, Array], observed: Array) -> tuple[Array, Array]:
        xp = self._xp
        h = xp.zeros_like(observed[0, :, :1]) + xp.zeros_like(params["cell.bias"])
        return xp.scan(lambda h, x: self._step(params, h, x), h, observed)  # type: ignore[no-any-return]

    def _step(self, params: dict[str, Array], h: Array, x: Array) -> tuple[Array, Array]:
        h = self._xp.tanh(linear(params, "cell", self._xp.concat([x, h], axis=-1)))
        return h, linear(params, "next", h)

    def evaluate(self, predict: Callable[[Batch], Any]) -> dict[str, float]:
        """See :func:`.series.judged`."""
        test = self._series.test
        return judged(predict(self._inputs(test)), self._positions(test), test)

    def outputs(self, predict: Callable[[Batch], Any]) -> dict[str, Any]:
        """The predictions of the test series that the latent ODE shows."""
        test, few = self._series.test, two_of_each(self._series.test)
        predicted = predict(self._inputs(test))[few]
        return pictured(on_the_grid(self._positions(test.take(few)), predicted), test.take(few))

    @property
    def _spacing(self) -> float:
        """Of predictions that are fed back, in grid points."""
        return 1.0 if self._timed else SEEN / self._series.points

    def _positions(self, spirals: Spirals) -> Floats:
        """(N, n + P): where on the grid predictions are."""
        first = np.full((len(spirals.seen), 1), float(SEEN)) if self._timed else spirals.seen[:, -1:] + self._spacing
        beyond = first + self._spacing * np.arange(self._fed_back + 1)
        return np.concatenate([spirals.seen[:, 1:], beyond], axis=1)

    @property
    def _fed_back(self) -> int:
        """Predictions that are fed back until the grid's end is reached: by a net that knows no time, after a last
        observation as early as at half of the seen grid."""
        return BEYOND - 1 if self._timed else math.ceil((len(GRID) - SEEN / 2) / self._spacing)

    def _inputs(self, spirals: Spirals) -> Batch:
        observed = spirals.observed
        if self._timed:
            observed = np.concatenate([observed, gaps(spirals, SEEN)[..., None]], axis=-1)
        fed = np.full((self._fed_back, len(observed), int(self._timed)), self._series.points / SEEN, np.float32)
        return {"observed": np.ascontiguousarray(observed.swapaxes(0, 1), np.float32), "gaps": fed}


make_rnn = partial(Recurrent, False)
make_rnn_dt = partial(Recurrent, True)

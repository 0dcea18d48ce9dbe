"""The ODE-RNN (Rubanova et al. 2019, algorithm 1): a hidden state that flows between observations and jumps at them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from odebench.contract import Array, OdeInt
from odebench.tasks import namespace, whole
from odebench.tasks.nets import Floats, float32, linear, linear_parameters, mlp, mlp_parameters, under

from .series import PARAMETERS, Series, gaps, judged, on_the_grid, pictured, two_of_each
from .spirals import BEYOND, NOISE, SEEN, STEP, Spirals

Batch = dict[str, Any]
"""``observed`` (n, B, 2); ``gaps`` (n, B, 1): seconds until the next, and from the last to the first time beyond."""


class OdeRnn:
    """An :class:`odebench.contract.TaskInstance`: h' = f(h) between observations, h ← tanh(W [x, h] + b) at each.

    The next observation is predicted from the state that has flowed to its time, and the times beyond from one that
    goes on flowing; nothing is fed back. Gaps differ within a batch, so each is solved for in a time that is 0 at its
    beginning and 1 at its end, dh/ds = Δ f(h): a batch is one solve a gap, and beyond one a grid point, so that a
    number of steps means as much there. The gaps go in with the parameters, so that every gradient method can be used.
    """

    def __init__(
        self,
        framework: Literal["torch", "jax"],
        *,
        seed: int,
        points: int = 30,
        units: int = 25,
        hidden: int = 20,
        steps: int = 2000,
        batch_size: int = 100,
        learning_rate: float = 0.01,
        series: int = 1000,
        test_series: int = 100,
    ) -> None:
        for name, size in (("units", units), ("hidden", hidden)):
            whole("latent_ode", name, size, 1)
        self._xp = namespace(framework)
        self._series = Series(
            seed, points=points, series=series, test_series=test_series, batch_size=batch_size, steps=steps,
            learning_rate=learning_rate,
        )  # fmt: skip
        self.recipe = self._series.recipe
        rng = np.random.default_rng([seed, PARAMETERS])
        self.params: dict[str, Any] = float32(
            linear_parameters(rng, "cell", 2 + units, units)
            | linear_parameters(rng, "next", units, 2)
            | mlp_parameters(rng, "field", [units, hidden, units])
        )

    def probe(self) -> Batch:
        return self._inputs(self._series.probe())

    def accuracy_probe(self) -> Batch:
        return self._inputs(self._series.first(4))

    def batch(self, step: int) -> Batch:
        return self._inputs(self._series.batch(step))

    def field(self, s: Array, h: Array, params: dict[str, Array]) -> Array:
        return params["gap"] * mlp(params, "field", h, self._xp.tanh)

    def predict(self, params: dict[str, Array], batch: Batch, odeint: OdeInt) -> Array:
        """(B, n - 1 + 100, 2): each observation after the first from those before it, and the times beyond."""
        xp = self._xp
        h, seen = self._read(params, batch, odeint)
        first = self._flow(params, h, batch["gaps"][-1], odeint)
        gap = xp.ones_like(first[:, :1]) * STEP

        def on(h: Array, _: Array) -> tuple[Array, Array]:
            h = self._flow(params, h, gap, odeint)
            return h, h

        _, further = xp.scan(on, first, xp.zeros(BEYOND - 1))
        return xp.permute_dims(linear(params, "next", xp.concat([seen, first[None], further])), (1, 0, 2))

    def loss(self, params: dict[str, Array], batch: Batch, odeint: OdeInt) -> Array:
        """Minus the log-likelihood of a series after its first observation: the mean over the batch."""
        _, states = self._read(params, batch, odeint)
        errors = ((batch["observed"][1:] - linear(params, "next", states)) / NOISE) ** 2 / 2
        constant = 2 * errors.shape[0] * (math.log(NOISE) + 0.5 * math.log(2 * math.pi))
        return self._xp.sum(errors) / errors.shape[1] + constant

    def _read(self, params: dict[str, Array], batch: Batch, odeint: OdeInt) -> tuple[Array, Array]:
        """The state after the last jump, and those before each but the first: (B, units) and (n - 1, B, units)."""
        xp, observed, before = self._xp, batch["observed"], []
        h = self._jump(params, xp.zeros_like(batch["gaps"][0]) + xp.zeros_like(params["cell.bias"]), observed[0])
        # A solve is no part of a compiled loop here: a harness that counts must see every one.
        for i in range(1, observed.shape[0]):
            before.append(self._flow(params, h, batch["gaps"][i - 1], odeint))
            h = self._jump(params, before[-1], observed[i])
        return h, xp.stack(before)

    def _jump(self, params: dict[str, Array], h: Array, x: Array) -> Array:
        return self._xp.tanh(linear(params, "cell", self._xp.concat([x, h], axis=-1)))

    def _flow(self, params: dict[str, Array], h: Array, gap: Array, odeint: OdeInt) -> Array:
        ends = self._xp.arange(2, dtype=h.dtype)
        return odeint(self.field, h, ends, under(params, "field") | {"gap": gap})[-1]

    def evaluate(self, predict: Callable[[Batch], Any]) -> dict[str, float]:
        """See :func:`.series.judged`."""
        test = self._series.test
        return judged(predict(self._inputs(test)), _positions(test), test)

    def outputs(self, predict: Callable[[Batch], Any]) -> dict[str, Any]:
        """The predictions of the test series that the latent ODE shows."""
        test, few = self._series.test, two_of_each(self._series.test)
        predicted = predict(self._inputs(test))[few]
        return pictured(on_the_grid(_positions(test.take(few)), predicted), test.take(few))

    def _inputs(self, spirals: Spirals) -> Batch:
        seconds = gaps(spirals, SEEN)[..., None] * (STEP * SEEN / self._series.points)
        return {
            "observed": np.ascontiguousarray(spirals.observed.swapaxes(0, 1), np.float32),
            "gaps": np.ascontiguousarray(seconds.swapaxes(0, 1), np.float32),
        }


def _positions(spirals: Spirals) -> Floats:
    beyond = np.broadcast_to(np.arange(SEEN, SEEN + BEYOND), (len(spirals.seen), BEYOND))
    return np.concatenate([spirals.seen[:, 1:], beyond], axis=1)

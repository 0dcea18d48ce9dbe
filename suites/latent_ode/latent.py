"""The latent ODE: an encoder that reads a series backwards, an ODE from a sampled latent start, a decoder."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from odebench.contract import Array, OdeInt
from odebench.tasks import namespace, whole
from odebench.tasks.nets import Floats, float32, linear, linear_parameters, mlp, mlp_parameters, under

from .series import NOISES, PARAMETERS, TEST_NOISES, Series, gaps, log_likelihood, pictured, scores, two_of_each
from .spirals import GRID, NOISE, SEEN, Spirals

Batch = dict[str, Any]
"""``observed`` (n, B, 3): x, y and the gap before, the last first; ``ts`` (T,); ``eps`` (B, latent); and to train
``targets`` (B, T, 2) with ``weights`` (B, T), 1 where seen and 0 elsewhere."""

SWEEP = np.linspace(-2.5, 2.5, 11)


class LatentOde:
    """A variational autoencoder of series: an :class:`odebench.contract.PicturedTask`.

    The field is one for every series and the times are a common grid, so a batch is one solve, of which the loss sees
    each series at its own times alone.

    :param framework: ``torch`` or ``jax``.
    :param seed: of the series, the parameters, the batches and the samples of the latent start.
    :param latent: numbers of the latent state.
    :param encoder: hidden units of the encoder.
    :param hidden: units of a layer of the field and of the decoder.
    :param layers: hidden layers of the field: 1 as in the paper, 2 as in the public code.
    :raises UserError: for an option out of range.
    """

    def __init__(
        self,
        framework: Literal["torch", "jax"],
        *,
        seed: int,
        points: int = 30,
        latent: int = 4,
        encoder: int = 25,
        hidden: int = 20,
        layers: int = 1,
        steps: int = 2000,
        batch_size: int = 100,
        learning_rate: float = 0.01,
        series: int = 1000,
        test_series: int = 100,
    ) -> None:
        for name, size in (("latent", latent), ("encoder", encoder), ("hidden", hidden), ("layers", layers)):
            whole("latent_ode", name, size, 1)
        self._xp, self._latent, self._encoder = namespace(framework), latent, encoder
        self._series = Series(
            seed, points=points, series=series, test_series=test_series, batch_size=batch_size, steps=steps,
            learning_rate=learning_rate,
        )  # fmt: skip
        self.recipe = self._series.recipe
        rng = np.random.default_rng([seed, PARAMETERS])
        self.params: dict[str, Any] = float32(
            linear_parameters(rng, "cell", 3 + encoder, encoder)
            | linear_parameters(rng, "posterior", encoder, 2 * latent)
            | mlp_parameters(rng, "field", [latent, *[hidden] * layers, latent])
            | mlp_parameters(rng, "decoder", [latent, hidden, 2])
        )

    def probe(self) -> Batch:
        return self._training(self._series.probe(), 0)

    def accuracy_probe(self) -> Batch:
        return self._training(self._series.first(4), 0)

    def batch(self, step: int) -> Batch:
        return self._training(self._series.batch(step), step)

    def encode(self, params: dict[str, Array], observed: Array) -> tuple[Array, Array]:
        """The latent start's mean and log variance, (B, latent) each."""
        xp = self._xp

        def step(h: Array, x: Array) -> tuple[Array, Array]:
            h = xp.tanh(linear(params, "cell", xp.concat([x, h], axis=-1)))
            return h, h[:0]  # nothing to keep

        h, _ = xp.scan(step, xp.zeros_like(observed[0, :, :1]) + xp.zeros_like(params["cell.bias"]), observed)
        out = linear(params, "posterior", h)
        return out[:, : self._latent], out[:, self._latent :]

    def field(self, t: Array, z: Array, params: dict[str, Array]) -> Array:
        return mlp(params, "field", z, self._xp.elu)

    def predict(self, params: dict[str, Array], batch: Batch, odeint: OdeInt) -> Array:
        """(B, T, 2 + latent): the decoded series and the latent one."""
        return self._paths(params, batch, odeint, *self.encode(params, batch["observed"]))

    def _paths(self, params: dict[str, Array], batch: Batch, odeint: OdeInt, mean: Array, log_var: Array) -> Array:
        xp = self._xp
        start = mean + batch["eps"] * xp.exp(log_var / 2)
        zs = xp.permute_dims(odeint(self.field, start, batch["ts"], under(params, "field")), (1, 0, 2))
        return xp.concat([mlp(params, "decoder", zs, xp.relu), zs], axis=-1)

    def loss(self, params: dict[str, Array], batch: Batch, odeint: OdeInt) -> Array:
        """Minus the evidence lower bound of a series, by one sample: the mean over the batch."""
        xp = self._xp
        mean, log_var = self.encode(params, batch["observed"])
        decoded = self._paths(params, batch, odeint, mean, log_var)[..., :2]
        errors = ((batch["targets"] - decoded) / NOISE) ** 2 / 2 + float(np.log(NOISE) + 0.5 * np.log(2 * np.pi))
        misfit = xp.sum(xp.sum(errors, axis=-1) * batch["weights"], axis=-1)
        kl = xp.sum(mean**2 + xp.exp(log_var) - 1 - log_var, axis=-1) / 2
        return xp.mean(misfit + kl)

    def evaluate(self, predict: Callable[[Batch], Any]) -> dict[str, float]:
        """RMSEs by the latent start's mean; ``test_elbo`` of a seen point, by one sample of each start; and
        how the two directions' starts part: :func:`separation`, and ``latent_direction``, :func:`told_apart`."""
        test = self._series.test
        decoded, starts, spreads = self._posterior(predict, test)
        rng = np.random.default_rng([self._series.seed, TEST_NOISES])
        sampled = predict(self._inputs(test, rng.standard_normal(starts.shape)))[..., :2]
        seen = np.take_along_axis(sampled, test.seen[..., None], axis=1)
        kl = np.sum(starts**2 + spreads**2 - 1 - 2 * np.log(spreads), axis=-1) / 2
        elbo = log_likelihood(seen, test.observed).sum(-1) - kl
        return scores(decoded, test) | {
            "test_elbo": float(elbo.mean() / self._series.points),
            "latent_separation": separation(starts, test.clockwise),
            "latent_direction": told_apart(starts, test.clockwise),
        }

    def outputs(self, predict: Callable[[Batch], Any]) -> dict[str, Any]:
        """Four test series with what is seen of them and what is made of it, latent paths of all, and for one series
        the decoded path as each number of the latent start is swept."""
        test = self._series.test
        found = predict(self._inputs(test, np.zeros((len(test.clean), self._latent))))
        few = two_of_each(test)
        _, starts, spreads = self._posterior(predict, test)
        return pictured(found[few, :, :2], test.take(few)) | {
            "latent": found[:, :SEEN:9, 2:],
            "clockwise": test.clockwise,
            "sweep": np.stack([self._swept(predict, test, starts, spreads, d) for d in range(self._latent)]),
        }

    def _swept(self, predict: Callable[[Batch], Any], test: Spirals, starts: Floats, spreads: Floats, d: int) -> Any:
        """(11, 200, 2): the first test series, decoded from starts that differ in number d. Of the test batch's shape,
        so that nothing is compiled anew."""
        rows = np.zeros(max(len(SWEEP), len(starts)), np.int64)
        wanted = np.repeat(starts[:1], len(rows), axis=0)
        wanted[: len(SWEEP), d] = SWEEP
        eps = (wanted - starts[:1]) / spreads[:1]
        return predict(self._inputs(test.take(rows), eps))[: len(SWEEP), :, :2]

    def _posterior(self, predict: Callable[[Batch], Any], test: Spirals) -> tuple[Floats, Floats, Floats]:
        """Decoded means (N, 200, 2), and the latent starts' means and standard deviations (N, latent): those of the
        starts for samples ε = 0 and ε = 1."""
        zeros = np.zeros((len(test.clean), self._latent))
        middle, above = (predict(self._inputs(test, eps)).astype(np.float64) for eps in (zeros, zeros + 1))
        return middle[..., :2], middle[:, 0, 2:], np.maximum(above[:, 0, 2:] - middle[:, 0, 2:], 1e-6)

    def _training(self, spirals: Spirals, step: int) -> Batch:
        count = len(spirals.clean)
        eps = np.random.default_rng([self._series.seed, NOISES, step]).standard_normal((count, self._latent))
        weights = np.zeros((count, SEEN), np.float32)
        np.put_along_axis(weights, spirals.seen, 1.0, axis=1)
        seen = {"targets": spirals.noisy[:, :SEEN].astype(np.float32), "weights": weights}
        return {**self._inputs(spirals, eps), **seen, "ts": GRID[:SEEN].astype(np.float32)}

    def _inputs(self, spirals: Spirals, eps: Floats) -> Batch:
        before = gaps(spirals._replace(seen=SEEN - spirals.seen[:, ::-1]), SEEN)
        observed = np.concatenate([spirals.observed[:, ::-1], before[..., None]], axis=-1)
        return {
            "observed": np.ascontiguousarray(observed.swapaxes(0, 1), np.float32),
            "eps": eps.astype(np.float32),
            "ts": GRID.astype(np.float32),
        }


def separation(starts: Floats, clockwise: Any) -> float:
    """How far the two directions' starts (N, latent) are apart: the distance of their means over the root mean of
    their variances along the line that joins these. Of one cloud it is about 0, of two that do not touch 4 or more."""
    there, here = starts[clockwise], starts[~clockwise]
    line = there.mean(0) - here.mean(0)
    distance = float(np.linalg.norm(line))
    along = [group @ (line / distance) for group in (there, here)]
    return distance / float(np.sqrt(np.mean([a.var() for a in along])))


def told_apart(starts: Floats, clockwise: Any) -> float:
    """The part of the starts (N, latent) that lie on their own direction's side of Fisher's plane between the two."""
    there, here = starts[clockwise], starts[~clockwise]
    spread = np.cov(there, rowvar=False) + np.cov(here, rowvar=False)
    normal = np.linalg.lstsq(np.atleast_2d(spread), there.mean(0) - here.mean(0))[0]
    side = (starts - (there.mean(0) + here.mean(0)) / 2) @ normal > 0
    return float((side == clockwise).mean())

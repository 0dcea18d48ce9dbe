"""Fitting the rate: a latent state that moves by an ODE, a net that reads the rate off it, and one solve for both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from odebench.contract import Array, OdeInt, Recipe
from odebench.tasks import namespace, positive, whole
from odebench.tasks.nets import Floats, float32, mlp, mlp_parameters, under

from . import process
from .process import END, TICKS

Batch = dict[str, Any]
"""``ts`` (P,), from 0 to END; ``weights`` (P,), how many events there are at each; ``sequences`` (), their number."""

PARAMETERS, TRAIN, TEST, ORDER = range(4)
"""Streams of random numbers that share a seed."""


class Events:
    """An :class:`odebench.contract.PicturedTask`: z' = f(z) and Λ' = λ(z) from a start z that is learnt, with λ the
    softplus of a net.

    All sequences have one rate, so those of a batch are one solve over the union of their times. Batches are filled up
    to one length with times that no event is at: a framework compiles once.

    :param framework: ``torch`` or ``jax``.
    :param seed: of the events, the parameters and the batches.
    :param latent: numbers of the latent state.
    :param hidden: units of the hidden layer of the field and of the rate's.
    :param sequences: how many there are to train on; a sequence has 30 events in the mean.
    :raises UserError: for an option out of range.
    """

    def __init__(
        self,
        framework: Literal["torch", "jax"],
        *,
        seed: int,
        latent: int = 4,
        hidden: int = 20,
        sequences: int = 100,
        test_sequences: int = 100,
        batch_size: int = 10,
        steps: int = 1000,
        learning_rate: float = 0.01,
    ) -> None:
        sizes = {"latent": latent, "hidden": hidden, "sequences": sequences, "test_sequences": test_sequences}
        for name, size in sizes.items():
            whole("poisson", name, size, 1)
        whole("poisson", "batch_size", batch_size, 1, sequences)
        whole("poisson", "steps", steps, 0)
        self._xp, self._seed, self._batch_size = namespace(framework), seed, batch_size
        self.train = process.draw(np.random.default_rng([seed, TRAIN]), sequences)
        self.test = process.draw(np.random.default_rng([seed, TEST]), test_sequences)
        largest = np.sort(np.bincount(self.train.sequence, minlength=sequences))[-batch_size:].sum()
        self._length = min(TICKS + 1, int(largest) + 2)
        self.recipe = Recipe(steps, positive("poisson", "learning_rate", learning_rate), optimizer="adam")
        rng = np.random.default_rng([seed, PARAMETERS])
        self.params: dict[str, Any] = float32(
            {"y0": rng.standard_normal(latent)}
            | mlp_parameters(rng, "field", [latent, hidden, latent])
            | mlp_parameters(rng, "rate", [latent, hidden, 1])
        )

    def probe(self) -> Batch:
        return self._of(np.arange(self._batch_size))

    accuracy_probe = probe

    def batch(self, step: int) -> Batch:
        """Training sequences, none twice. A function of seed, sizes and step alone."""
        rng = np.random.default_rng([self._seed, ORDER, step])
        return self._of(rng.choice(self.train.sequences, self._batch_size, replace=False))

    def rate(self, params: dict[str, Array], z: Array) -> Array:
        """(…, latent) → (…, 1)."""
        return self._xp.softplus(mlp(params, "rate", z, self._xp.tanh))

    def field(self, t: Array, y: Array, params: dict[str, Array]) -> Array:
        """dy/dt of (z, Λ): the last number of y is the integral of the rate."""
        z = y[:-1]
        return self._xp.concat([mlp(params, "field", z, self._xp.tanh), self.rate(params, z)])

    def predict(self, params: dict[str, Array], batch: Batch, odeint: OdeInt) -> Array:
        """(P, 2): the rate and its integral."""
        xp, z = self._xp, params["y0"]
        ys = odeint(self.field, xp.concat([z, xp.zeros_like(z[:1])]), batch["ts"], under(params, "field", "rate"))
        return xp.concat([self.rate(params, ys[:, :-1]), ys[:, -1:]], axis=-1)

    def loss(self, params: dict[str, Array], batch: Batch, odeint: OdeInt) -> Array:
        """Minus the log-likelihood, Σ log λ(tᵢ) - ∫λ: the mean over the sequences."""
        found = self.predict(params, batch, odeint)
        events = self._xp.sum(self._xp.log(found[:, 0]) * batch["weights"])
        return found[-1, 1] - events / batch["sequences"]

    def evaluate(self, predict: Callable[[Batch], Any]) -> dict[str, float]:
        """Log-likelihoods of an event of the test sequences: the model's, the true rate's and that of the constant rate
        which fits these very sequences best; ``test_share``, the part of the way from constant to true; ``rate_error``,
        relative; and ``quadrature_gap``, how far the solve's ∫λ is from Simpson's rule on the rates, relative.
        """
        grid, rates, integral = self._on_a_grid(predict)
        test, events = self.test, len(self.test.ticks)
        constant = np.full(events, events / (test.sequences * END))
        # The rates at the events are read off the grid: between its points a
        # straight line is off by 1e-4 of the rate at most.
        likelihoods = {
            "test": process.log_likelihood(test, np.interp(test.times, grid, rates), integral),
            "true": process.log_likelihood(test, process.rate(test.times), process.compensator(END)),
            "constant": process.log_likelihood(test, constant, float(constant[0]) * END),
        }
        found = {f"{name}_log_likelihood": value / events for name, value in likelihoods.items()}
        gain = found["test_log_likelihood"] - found["constant_log_likelihood"]
        true = process.rate(grid)
        return found | {
            "test_gain": gain,
            "test_share": gain / (found["true_log_likelihood"] - found["constant_log_likelihood"]),
            "rate_error": float(np.linalg.norm(rates - true) / np.linalg.norm(true)),
            "quadrature_gap": abs(simpson(rates, END) - integral) / integral,
        }

    def outputs(self, predict: Callable[[Batch], Any]) -> dict[str, Any]:
        """The rate on a grid, and the events of the first ten test sequences."""
        grid, rates, _ = self._on_a_grid(predict)
        first = self.test.sequence < 10
        return {
            "ts": grid.astype(np.float32),
            "rate": rates.astype(np.float32),
            "events": self.test.times[first].astype(np.float32),
            "sequence": self.test.sequence[first],
        }

    def _on_a_grid(self, predict: Callable[[Batch], Any]) -> tuple[Floats, Floats, float]:
        """Equally spaced times, an odd number of them, the rates there, and the solve's integral."""
        grid = np.linspace(0, END, 513)
        found = predict({"ts": grid, "weights": np.zeros_like(grid), "sequences": np.ones(())}).astype(np.float64)
        return grid, found[:, 0], float(found[-1, 1])

    def _of(self, chosen: NDArray[np.int64]) -> Batch:
        """The batch of some training sequences."""
        ticks = self.train.ticks[np.isin(self.train.sequence, chosen)]
        used, counts = np.unique(ticks, return_counts=True)
        free = np.setdiff1d(np.arange(1, TICKS), used)
        spare = self._length - 2 - len(used)
        padding = free[np.linspace(0, len(free) - 1, spare).astype(np.int64)]
        weights = np.zeros(TICKS + 1, np.float32)
        weights[used] = counts
        all_ticks = np.sort(np.concatenate([[0], used, padding, [TICKS]]))
        return {
            "ts": (all_ticks * (END / TICKS)).astype(np.float32),
            "weights": weights[all_ticks],
            "sequences": np.float32(len(chosen)),
        }


def simpson(values: Floats, length: float) -> float:
    """Simpson's rule on an odd number of equally spaced values."""
    weights = np.ones(len(values))
    weights[1:-1:2], weights[2:-1:2] = 4, 2
    return float(weights @ values) * length / (3 * (len(values) - 1))

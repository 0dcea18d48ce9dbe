"""Density matching: a flow's samples are made to follow an energy, by the reverse Kullback–Leibler divergence."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from odebench.contract import Array, OdeInt, PyTree, Recipe
from odebench.tasks import namespace, one_of, whole

from .flows import FINE, WIDE, Floats, Flow, Predict, carry, gaussian_log_density, inverse_error, log_density
from .targets import LOG_PARTITION, TARGETS, WINDOW, energy, grid, log_integral, walled_log_partition, walls

_PARAMETERS, _BATCH, _TEST, _PROBE = range(4)  # streams of random numbers that share a seed
_SIDE = 64


class MatchTask:
    """A flow from N(0, I) to exp(−U)/Z: an :class:`odebench.contract.PicturedTask`.

    The loss is KL(q‖p) for p ∝ exp(−U − walls), of fresh samples at each step.

    :param inverts: whether the flow can carry points to the base, so that its density is known at any point.
    :param seed: of the parameters and of all samples.
    :param target: ``u1`` to ``u4``.
    :param batch_size: samples of a step.
    :param test_size: samples of the evaluation.
    :raises UserError: for an option out of range.
    """

    def __init__(
        self,
        flow: Flow,
        framework: str,
        recipe: Recipe,
        *,
        inverts: bool,
        seed: int,
        target: str,
        batch_size: int,
        test_size: int,
    ) -> None:
        self._flow, self._inverts, self._seed = flow, inverts, seed
        self._xp = namespace(framework)
        self._target = one_of("cnf", "target", target, TARGETS)
        self._batch_size = whole("cnf", "batch_size", batch_size, 1)
        self._test_size = whole("cnf", "test_size", test_size, 1)
        self.params: dict[str, Any] = flow.parameters(np.random.default_rng([seed, _PARAMETERS]))
        self.recipe: Recipe | None = recipe

    def probe(self) -> PyTree:
        return self._samples(self._batch_size, _PROBE)

    def accuracy_probe(self) -> PyTree:
        return self._samples(32, _PROBE)

    def batch(self, step: int) -> PyTree:
        """Samples of the base (B, 2), and what the flow wants to know of its span."""
        return self._samples(self._batch_size, _BATCH, step)

    def _samples(self, count: int, *stream: int) -> PyTree:
        z = np.random.default_rng([self._seed, *stream]).standard_normal((count, 2))
        return self._flow.batch(z, 0.0, 1.0)

    def predict(self, params: dict[str, Array], batch: PyTree, odeint: OdeInt) -> Array:
        """(N, 3): the points at the end of a part of the flow, and the changes of their log-density."""
        z, change = self._flow.transport(params, batch, odeint)
        return self._xp.concat([z, change[:, None]], axis=1)

    def loss(self, params: dict[str, Array], batch: PyTree, odeint: OdeInt) -> Array:
        xp = self._xp
        z, change = self._flow.transport(params, batch, odeint)
        log_q = gaussian_log_density(batch["z"], 1.0, xp) + change
        excess = log_q + energy(self._target, z, xp) + walls(z, xp)
        return xp.mean(excess) + walled_log_partition(self._target)

    def evaluate(self, predict: Predict) -> dict[str, float]:
        """``kl`` of what is in the window, ``outside`` (how much is not), and ``base_kl``, the same of the base itself.

        Of a flow with an inverse also ``kl_grid``, the same integral by the trapezoidal rule, and ``mass_error``,
        ``inverse_error``.
        """
        z = np.random.default_rng([self._seed, _TEST]).standard_normal((self._test_size, 2))
        log_base = gaussian_log_density(z, 1.0, np)
        x, change = carry(self._flow, predict, z, 0.0, 1.0)
        kl, outside = windowed_kl(self._target, x, log_base + change)
        found = {"kl": kl, "outside": outside, "base_kl": windowed_kl(self._target, z, log_base)[0]}
        if self._inverts:
            found["inverse_error"] = inverse_error(self._flow, predict, z, 0.0, 1.0)
            found |= self._on_a_grid(predict)
        return found

    def _on_a_grid(self, predict: Predict) -> dict[str, float]:
        x = grid(WIDE, FINE)
        log_q = log_density(self._flow, predict, x, 1.0)
        inside = (np.abs(x) <= WINDOW).all(1)
        x, within = x[inside], log_q[inside]
        log_share = log_integral(within, WINDOW)
        excess = within + energy(self._target, x, np)
        least = excess.min()
        # A positive integrand, so that one function does all integrals: the constant comes off again.
        mean = np.exp(log_integral(within + np.log(excess - least + 1), WINDOW) - log_share) + least - 1
        return {
            "kl_grid": float(mean - log_share + LOG_PARTITION[self._target]),
            "mass_error": abs(math.expm1(log_integral(log_q, WIDE))),
        }

    def outputs(self, predict: Predict) -> dict[str, Any]:
        """Of seed 0: ``log_density`` (N, N) at ``mesh`` (N, N, 2), which is a regular grid on the window, or, of a flow
        without an inverse, where it takes such a grid on the base."""
        if self._seed:
            return {}
        if self._inverts:
            x = grid(WINDOW, _SIDE)
            log_q = log_density(self._flow, predict, x, 1.0)
        else:
            z = grid(WINDOW, _SIDE)
            x, change = carry(self._flow, predict, z, 0.0, 1.0)
            log_q = gaussian_log_density(z, 1.0, np) + change
        shape = (_SIDE, _SIDE)
        return {
            "mesh": x.reshape(*shape, 2).astype(np.float32),
            "log_density": log_q.reshape(shape).astype(np.float32),
        }


def windowed_kl(target: str, x: Floats, log_q: Floats) -> tuple[float, float]:
    """KL of q to exp(−U)/Z, both restricted to the window, by samples x (N, 2) of q; and the share outside of it."""
    inside = (np.abs(x) <= WINDOW).all(1)
    share = inside.mean()
    excess = log_q[inside] + energy(target, x[inside], np)
    return float(excess.mean() - np.log(share) + LOG_PARTITION[target]), float(1 - share)

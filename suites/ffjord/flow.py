"""Continuous normalising flows: densities and samples by one solve (FFJORD, equations 4 and 8)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from odebench.contract import Array, OdeInt
from odebench.tasks.nets import Floats, under

from .field import field_and_products, parameters

Parameters = Mapping[str, Array]
END = 0.5
TRACES = ("exact", "gaussian", "rademacher")


def initial(rng: np.random.Generator, sizes: list[int]) -> dict[str, Floats]:
    """The field's parameters and ``flow.root_end``, whose square is the learnable time T that the flow ends at."""
    return parameters(rng, sizes) | {"flow.root_end": np.array(math.sqrt(END))}


def noise(rng: np.random.Generator, trace: str, shape: tuple[int, ...]) -> Floats:
    """ε of Hutchinson's estimator, E[εεᵀ] = I."""
    if trace == "gaussian":
        return rng.standard_normal(shape)
    return np.where(rng.integers(0, 2, shape), 1.0, -1.0)


class Flow(NamedTuple):
    """A flow in one framework, with the base N(0, I) at time 0 and the data at time T.

    Time runs as s from 0 to 1, t = T s, so that T is a parameter like any other, and every gradient method learns it.

    :param xp: of the framework: :func:`odebench.tasks.namespace`.
    :param activation: of the field.
    """

    xp: Any
    activation: str = "tanh"

    def log_density(self, params: Parameters, x: Array, eps: Array | None, odeint: OdeInt) -> Array:
        """log p(x) (B,) of x (B, D). ``eps`` (B, D) is fixed within the solve, a constant that the field captures."""
        own = under(params, "field", "flow")

        def f(s: Array, state: tuple[Array, Array], p: Parameters) -> tuple[Array, Array]:
            end = p["flow.root_end"] ** 2
            rate, trace = self.traces(end * s, state[0], eps, p)
            return end * rate, -end * trace

        # d log p(z(t))/dt = −tr: the second state starts at 0 where x is, and is log p(z(0)) − log p(x) at the base.
        z, change = odeint(f, (x, 0 * x[:, 0]), self._times(x, 1.0, 0.0), own)
        return self.log_normal(z[-1]) - change[-1]

    def sample(self, params: Parameters, z: Array, odeint: OdeInt) -> Array:
        """x (B, D) of z (B, D) from the base."""
        own = under(params, "field", "flow")

        def f(s: Array, y: Array, p: Parameters) -> Array:
            end = p["flow.root_end"] ** 2
            return end * field_and_products(self.xp, self.activation, end * s, y, None, p)[0]

        return odeint(f, z, self._times(z, 0.0, 1.0), own)[-1]

    def traces(self, t: Array, z: Array, eps: Array | None, params: Parameters) -> tuple[Array, Array]:
        """dz/dt (B, D) and the trace of its Jacobian J (B,), as Σ pᵀ J p over probes p.

        The probes are the one ``eps`` (B, D) of Hutchinson's unbiased estimator, O(D), or the D axes, O(D²).
        """
        probes = self._axes(z) if eps is None else eps[None]
        rate, products = field_and_products(self.xp, self.activation, t, z, probes, params)
        return rate, self.xp.sum(self.xp.sum(probes * products, axis=-1), axis=0)

    def log_normal(self, z: Array) -> Array:
        """log N(z; 0, I) (B,) of z (B, D)."""
        return -0.5 * self.xp.sum(z * z, axis=-1) - 0.5 * z.shape[-1] * math.log(2 * math.pi)

    def _axes(self, z: Array) -> Array:
        """(D, 1, D), where z is: under compilation an array does not tell its device, and so is made from z."""
        number = self.xp.cumulative_sum(self.xp.ones_like(z[0]))
        return self.xp.astype(number[:, None, None] == number, z.dtype)

    def _times(self, like: Array, start: float, stop: float) -> Array:
        one = self.xp.ones_like(like[0, 0])
        return self.xp.stack([start * one, stop * one])

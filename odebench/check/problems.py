"""Initial value problems with closed-form solutions. Their dynamics are Python operators and indexing alone, so that
one definition serves every framework; their solutions are analytic, so that a complex step differentiates them.

The problems depend on t, are nonlinear or coupled, and nothing in them is 0 or 1 by accident.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from odebench.check.trees import leaves, tree_map, unflatten
from odebench.contract import Array, Dynamics, PyTree

Params = dict[str, Any]

SPAN = (0.5, 2.0)
TIMES = np.array([0.5, 0.87, 1.41, 2.0])


@dataclass(frozen=True, eq=False)
class Problem:
    """
    :param y0: NumPy arrays, at t0.
    :param params: NumPy arrays; ``unused`` among them is not used by f.
    :param solution: ``(t0, y0, t, params) -> y(t)``, for complex numbers too.
    """

    f: Dynamics
    y0: PyTree
    params: Params
    solution: Callable[[Any, PyTree, Any, Params], PyTree]

    def exact(self, ts: NDArray[Any], y0: PyTree = None, params: Params | None = None) -> PyTree:
        """y at every time of ts; each leaf of shape (T, *leaf.shape)."""
        y0 = self.y0 if y0 is None else y0
        states = [self.solution(ts[0], y0, t, params or self.params) for t in ts]
        return tree_map(lambda *arrays: np.stack(arrays), *states)

    def inputs(self, ts: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Everything that a solution can be differentiated with respect to, by name."""
        return {"ts": ts} | {f"y0[{i}]": y for i, y in enumerate(leaves(self.y0))} | self.params

    def outputs(self, inputs: dict[str, Any], odeint: Callable[..., PyTree]) -> PyTree:
        """``odeint(f, y0, ts, params)`` of such inputs."""
        rest = {key: value for key, value in inputs.items() if key in self.params}
        y0 = unflatten(self.y0, [value for key, value in inputs.items() if key.startswith("y0[")])
        return odeint(self.f, y0, inputs["ts"], rest)

    def weights(self, ts: NDArray[Any]) -> PyTree:
        """Fixed weights of the shapes of ys, none of them small."""
        return tree_map(lambda y: 1.5 + np.cos(np.arange(len(ts) * y.size)).reshape(len(ts), *y.shape), self.y0)

    def gradient(self, ts: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """The derivative of :func:`weighted_sum` of the exact ys with respect to each input, by complex steps:
        ``Im f(x + ih) / h`` has no difference in it to lose digits (Squire & Trapp 1998)."""
        weights, inputs, h = self.weights(ts), self.inputs(ts), 1e-30
        found = {name: np.zeros_like(value) for name, value in inputs.items()}
        for name, value in inputs.items():
            for index in np.ndindex(value.shape):
                moved = value.astype(complex)
                moved[index] += 1j * h
                ys = self.outputs(inputs | {name: moved}, lambda _, y0, ts, params: self.exact(ts, y0, params))
                found[name][index] = weighted_sum(weights, ys).imag / h
        return found


def weighted_sum(weights: PyTree, ys: PyTree) -> Array:
    total = 0
    for w, y in zip(leaves(weights), leaves(ys), strict=True):
        product = w * y
        for n in w.shape:
            product = _sum(product[i] for i in range(n))
        total = total + product
    return total


def _sum(terms: Iterable[Array]) -> Array:
    """In place of ``.sum()`` and ``@``, which not every framework's arrays have."""
    return reduce(operator.add, terms)


def _clock(t0: Any, t: Any, p: Params) -> Any:
    """The time that has passed on a clock that runs at ``1 + drift t``."""
    return (t - t0) + p["drift"] * (t * t - t0 * t0) / 2


def _expm(m: NDArray[Any]) -> NDArray[Any]:
    """Scaling, a Taylor series, squaring."""
    halvings = 4 + max(0, math.ceil(math.log2(1 + np.abs(m).sum())))
    m = m / 2**halvings
    result = term = np.eye(len(m))
    for k in range(1, 12):
        term = term @ m / k
        result = result + term
    for _ in range(halvings):
        result = result @ result
    return result


def _projective(t: Array, y: Array, p: Params) -> Array:
    n = p["v"].shape[0]
    linear = _sum(y[..., i, None] * p["A"][i] for i in range(n))
    return (1 + p["drift"] * t) * (linear - _sum(y[..., i, None] * p["v"][i] for i in range(n)) * y)


def _projective_solution(t0: Any, y0: Any, t: Any, p: Params) -> Any:
    """y = z / w, where z' = zA, w' = z·v, w(0) = 1: the nonlinear equation is a linear one seen from its origin."""
    n = len(p["v"])
    m = np.zeros((n + 1, n + 1), np.result_type(p["A"], p["v"], float))
    m[:n, :n], m[:n, n] = p["A"], p["v"]
    flow = _expm(m * _clock(t0, t, p))
    z = np.concatenate([y0, np.ones((*y0.shape[:-1], 1))], axis=-1) @ flow
    return z[..., :n] / z[..., n:]


def _logistic(t: Array, y: Array, p: Params) -> Array:
    return (1 + p["drift"] * t) * (p["growth"] * y - p["crowding"] * y * y)


def _logistic_solution(t0: Any, y0: Any, t: Any, p: Params) -> Any:
    grown = np.exp(p["growth"] * _clock(t0, t, p))
    return y0 * grown / (1 + p["crowding"] * y0 * (grown - 1) / p["growth"])


def _rotation(t: Array, y: tuple[Array, Array], p: Params) -> tuple[Array, Array]:
    rate = (1 + p["drift"] * t) * p["omega"]
    return rate * y[1], -rate * y[0]


def _rotation_solution(t0: Any, y0: Any, t: Any, p: Params) -> Any:
    angle = p["omega"] * _clock(t0, t, p)
    c, s = np.cos(angle), np.sin(angle)
    return c * y0[0] + s * y0[1], c * y0[1] - s * y0[0]


def _mixed(t: Array, y: dict[str, Array], p: Params) -> dict[str, Array]:
    return {"pair": _projective(t, y["pair"], p), "one": _logistic(t, y["one"], p)}


def _mixed_solution(t0: Any, y0: dict[str, Any], t: Any, p: Params) -> dict[str, Any]:
    return {"pair": _projective_solution(t0, y0["pair"], t, p), "one": _logistic_solution(t0, y0["one"], t, p)}


_COMMON = {"drift": np.array(0.25), "unused": np.array([0.7, -0.2])}
_MATRIX = {"A": np.array([[-0.4, 1.3], [-1.1, 0.2]]), "v": np.array([0.45, 0.35])}
_GROWTH = {"growth": np.array(1.2), "crowding": np.array(0.8)}

VECTOR = Problem(_projective, np.array([0.8, 0.5]), _MATRIX | _COMMON, _projective_solution)
MATRIX = Problem(_projective, np.array([[0.8, 0.5], [-0.3, 0.9], [0.4, -0.6]]), _MATRIX | _COMMON, _projective_solution)
SCALAR = Problem(_logistic, np.array(0.4), _GROWTH | _COMMON, _logistic_solution)
TUPLE = Problem(
    _rotation,
    (np.array([1.0, -0.5, 0.3]), np.array([0.2, 0.6, -0.9])),
    {"omega": np.array([0.7, 1.1, 1.6]), **_COMMON},
    _rotation_solution,
)
DICT = Problem(
    _mixed, {"pair": np.array([0.8, 0.5]), "one": np.array(0.4)}, _MATRIX | _GROWTH | _COMMON, _mixed_solution
)

"""Two small problems that stay as they are: a figure that moves over the commits was moved by the project."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

Field = Callable[[Any, Any, dict[str, Any], Any], Any]
_NAMESPACES = {"torch": "torch", "jax": "jax.numpy"}


class Problem:
    """An initial value problem whose loss is the mean square of its states, a task of odebench.

    :param f: dy/dt of t, y, the parameters and the framework's array functions.
    :param y0: where it starts; differentiated, as the parameters are.
    """

    recipe = None

    def __init__(
        self,
        f: Field,
        y0: np.ndarray,
        params: dict[str, np.ndarray],
        end: float,
        framework: str,
        *,
        seed: int,
    ) -> None:
        self._f, self._xp = f, import_module(_NAMESPACES[framework])
        self.params = {**params, "y0": y0, "ts": np.linspace(0.0, end, 5)}

    def probe(self) -> dict[str, np.ndarray]:
        """Nothing but a number: there is one problem only."""
        return {"scale": np.ones(())}

    accuracy_probe = probe

    def batch(self, step: int) -> dict[str, np.ndarray]:
        return self.probe()

    def predict(self, params: dict[str, Any], batch: Any, odeint: Any) -> Any:
        own = {name: value for name, value in params.items() if name not in ("y0", "ts")}
        return odeint(lambda t, y, p: self._f(t, y, p, self._xp), params["y0"], params["ts"], own)

    def loss(self, params: dict[str, Any], batch: Any, odeint: Any) -> Any:
        return (self.predict(params, batch, odeint) ** 2).mean() * batch["scale"]

    def evaluate(self, predict: Any) -> dict[str, float]:
        return {}


def _spiral(t: Any, y: Any, p: dict[str, Any], xp: Any) -> Any:
    return xp.tanh(y**3 @ p["w1"] + p["b1"]) @ p["w2"] + p["b2"]


def _vanderpol(t: Any, y: Any, p: dict[str, Any], xp: Any) -> Any:
    return xp.stack([y[1], p["mu"] * (1 - y[0] ** 2) * y[1] - y[0]])


def net() -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Starts (20, 2) and parameters of the spiral net of *Neural ODEs*' demonstration: 2-50-2, tanh, on y³."""
    rng = np.random.default_rng(0)
    shapes = {"w1": (2, 50), "b1": (50,), "w2": (50, 2), "b2": (2,)}
    params = {name: rng.normal(0, 0.5, shape) for name, shape in shapes.items()}
    return rng.normal(0, 1, (20, 2)), params


make_spiral = partial(Problem, _spiral, *net(), 1.0)
make_vanderpol = partial(Problem, _vanderpol, np.array([2.0, 0.0]), {"mu": np.array(5.0)}, 8.0)

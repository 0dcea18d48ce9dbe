"""A field, its times and a linear loss as a task whose y0, ts and parameters are all differentiated."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, Literal

import numpy as np

from odebench.contract import Array, OdeInt, PyTree
from odebench.errors import UserError

from . import fields
from .fields import Floats

_NAMESPACES = {"torch": "array_api_compat.torch", "jax": "jax.numpy", "numpy": "odebench_numpy.namespace"}


class FieldTask:
    """An :class:`odebench.contract.TaskInstance` with params ``y0``, ``ts`` and those of the field.

    The loss is a weighted sum of the outputs after the first: a linear one adds nothing to the gradient's difficulty.

    :param framework: ``torch``, ``jax`` or ``numpy``.
    :param f: one of :mod:`.fields`.
    :param inputs: y0 and the field's parameters, float64.
    :param end: the last time; the first is 0.
    :param outputs: how many times, both ends included, equally spaced.
    :param observe: what the loss sees: ``"all"`` outputs or the ``"last"``.
    :param loss_scale: a factor of the loss.
    :param inert: how many further parameters there are that the field never uses.
    :param captured: whether the field captures its parameters in place of being given them.
    :raises UserError: for an option out of range.
    """

    recipe = None

    def __init__(
        self,
        framework: str,
        f: Callable[..., Array],
        inputs: dict[str, Floats],
        end: float,
        *,
        outputs: int = 2,
        observe: Literal["all", "last"] = "all",
        loss_scale: float = 1.0,
        inert: int = 0,
        captured: bool = False,
    ) -> None:
        if not isinstance(outputs, int) or outputs < 2:
            raise UserError(f"gradients: outputs must be a whole number of at least 2, got {outputs!r}")
        if observe not in ("all", "last"):
            raise UserError(f"gradients: observe must be 'all' or 'last', got {observe!r}")
        if not isinstance(inert, int) or inert < 0:
            raise UserError(f"gradients: inert must be a whole number of at least 0, got {inert!r}")
        if not isinstance(loss_scale, int | float) or not 0 < loss_scale < np.inf:
            raise UserError(f"gradients: loss_scale must be positive and finite, got {loss_scale!r}")
        self._f, self._xp = f, import_module(_NAMESPACES[framework])
        self._captured = captured
        self._end_only, self._scale = observe == "last", loss_scale
        self.params: dict[str, Any] = {**inputs, "ts": np.linspace(0.0, end, outputs)}
        if inert:
            self.params["inert"] = np.zeros(inert)
        self._weights = _weights(inputs["y0"].size).reshape(inputs["y0"].shape) / inputs["y0"].size

    def probe(self) -> PyTree:
        """The loss's weights, of y0's shape."""
        return {"weights": self._weights}

    accuracy_probe = probe

    def batch(self, step: int) -> PyTree:
        return self.probe()

    def predict(self, params: dict[str, Array], batch: PyTree, odeint: OdeInt) -> Array:
        """ys, of shape (T, *y0.shape)."""
        own = {name: p for name, p in params.items() if name not in ("y0", "ts")}
        f, xp = self._f, self._xp
        if self._captured:
            return odeint(lambda t, y: f(t, y, own, xp), params["y0"], params["ts"])
        return odeint(lambda t, y, p: f(t, y, p, xp), params["y0"], params["ts"], own)

    def loss(self, params: dict[str, Array], batch: PyTree, odeint: OdeInt) -> Array:
        ys = self.predict(params, batch, odeint)
        seen = ys[-1] if self._end_only else self._xp.sum(ys[1:], axis=0) / (ys.shape[0] - 1)
        return self._scale * self._xp.sum(seen * batch["weights"])

    def evaluate(self, predict: Callable[[PyTree], Any]) -> dict[str, float]:
        return {}


def _weights(size: int) -> Floats:
    """A fixed pattern of multiples of 1/8 without a symmetry."""
    return ((3 * np.arange(size) + 1) % 7 - 3.0) / 8 + 1 / 16


def make_field(
    framework: str,
    *,
    seed: int,
    state: int = 4,
    hidden: int = 16,
    batch: int = 4,
    end: float = 2.0,
    **options: Any,
) -> FieldTask:
    """A neural field on ``batch`` states of ``state`` numbers, D = batch · state, K = hidden · (2 · state + 1)."""
    rng = np.random.default_rng(seed)
    inputs = fields.neural_parameters(rng, state, hidden) | {"y0": rng.standard_normal((batch, state))}
    return FieldTask(framework, fields.neural, inputs, end, **options)


def make_spiral(framework: str, *, seed: int, end: float = 4.0, **options: Any) -> FieldTask:
    """The cubic spiral from (2, 0): the same for every seed."""
    inputs = {"y0": np.array([[2.0, 0.0]]), "a": np.array([[-0.1, 2.0], [-2.0, -0.1]])}
    return FieldTask(framework, fields.spiral, inputs, end, **options)


def make_vanderpol(framework: str, *, seed: int, mu: float = 1.0, end: float = 8.0, **options: Any) -> FieldTask:
    """Van der Pol's oscillator from (2, 0.5): the same for every seed."""
    inputs = {"y0": np.array([2.0, 0.5]), "mu": np.array(float(mu))}
    return FieldTask(framework, fields.vanderpol, inputs, end, **options)


def make_wall(framework: str, *, seed: int, **options: Any) -> FieldTask:
    """A field that is not a number beyond t1 = 1: the same for every seed."""
    inputs = {"y0": np.array([1.0, 2.0]), "k": np.array([3.0, 1.0])}
    return FieldTask(framework, fields.wall, inputs, 1.0, **options)


def make_closure(framework: str, *, seed: int, **options: Any) -> FieldTask:
    """The cubic spiral, whose matrix the field captures: the same for every seed."""
    inputs = {"y0": np.array([[2.0, 0.0]]), "a": np.array([[-0.1, 2.0], [-2.0, -0.1]])}
    return FieldTask(framework, fields.spiral, inputs, 4.0, captured=True, **options)

"""Gradients of nets with and without skips: three scalar layers by hand, and many layers by autodiff."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from odebench.contract import OdeInt, PyTree
from odebench.tasks import namespace, one_of, positive, whole

from .fields import SUITE, Array

FORMS = ("vanilla", "residual")
_STATES, _WIDTH = 8, 16


class ProductsTask:
    """y = F₃(F₂(F₁(x₀))) with Fᵢ(x) = wᵢ x, or wᵢ x + x, and dy/dw₁ of it: w₃w₂x₀, or w₃w₂x₀ + w₃x₀ + w₂x₀ + x₀.

    An :class:`odebench.contract.TaskInstance` whose prediction is (dy/dw₁ by autodiff, by the formula).

    :param seed: of w₁, w₂, w₃ and x₀, normal.
    :param form: ``vanilla`` or ``residual``.
    :raises UserError: for an option out of range.
    """

    recipe = None

    def __init__(self, framework: str, *, seed: int, form: str = "residual") -> None:
        self._skip = float(one_of(SUITE, "form", form, FORMS) == "residual")
        self._xp = namespace(framework)
        draws = np.random.default_rng(seed).standard_normal(4)
        self.params: dict[str, Any] = {f"w{i + 1}": draws[i] for i in range(3)}
        self._batch = {"x": draws[3]}

    def probe(self) -> PyTree:
        return self._batch

    accuracy_probe = probe

    def batch(self, step: int) -> PyTree:
        return self._batch

    def _net(self, w1: Array, params: dict[str, Array], x: Array) -> Array:
        for w in (w1, params["w2"], params["w3"]):
            x = w * x + self._skip * x
        return x

    def predict(self, params: dict[str, Array], batch: PyTree, odeint: OdeInt) -> Array:
        w2, w3, x = params["w2"], params["w3"], batch["x"]
        y, pull = self._xp.vjp(lambda w1: self._net(w1, params, x), params["w1"])
        formula = w3 * w2 * x + self._skip * (w3 * x + w2 * x + x)
        return self._xp.stack([pull(self._xp.ones_like(y))[0], formula])

    def loss(self, params: dict[str, Array], batch: PyTree, odeint: OdeInt) -> Array:
        return self._net(params["w1"], params, batch["x"])

    def evaluate(self, predict: Callable[[PyTree], Any]) -> dict[str, float]:
        """``gradient``, by autodiff; ``formula_error``, how far the formula is from it, relative."""
        gradient, formula = map(float, predict(self._batch))
        return {"gradient": gradient, "formula_error": abs(formula - gradient) / abs(gradient)}


class DepthTask:
    """``depth`` layers x ← tanh(W x), or x ← x + tanh(W x), each with its own W, uniform on ±gain/√16: with a gain of 1
    by torch's default law. The loss is linear in the last x, so that its gradient there is what it is in any net.

    An :class:`odebench.contract.TaskInstance` whose prediction is ‖dL/dW‖ and ‖dL/dx‖ after every layer, (2, depth).

    :param seed: of the weights, of the states x (8, 16) and of the loss's weights, all but the first normal.
    :param form: ``vanilla`` or ``residual``.
    :param gain: √3 gives W variance 1/16, with which W x is as long as x; 5/3 of that is torch's gain for tanh.
    :raises UserError: for an option out of range.
    """

    recipe = None

    def __init__(self, framework: str, *, seed: int, form: str = "residual", depth: int = 8, gain: float = 1.0) -> None:
        self._skip = float(one_of(SUITE, "form", form, FORMS) == "residual")
        whole(SUITE, "depth", depth, 1)
        bound = positive(SUITE, "gain", gain) / np.sqrt(_WIDTH)
        self._xp, rng = namespace(framework), np.random.default_rng(seed)
        x, weights = rng.standard_normal((2, _STATES, _WIDTH))
        self._batch = {"x": x, "weights": weights, "nudges": np.zeros((depth, _STATES, _WIDTH))}
        self.params: dict[str, Any] = {"w": bound * rng.uniform(-1, 1, (depth, _WIDTH, _WIDTH))}

    def probe(self) -> PyTree:
        """``nudges`` (depth, 8, 16) are zeros that are added to every layer's x: L's gradient in them is that in x."""
        return self._batch

    accuracy_probe = probe

    def batch(self, step: int) -> PyTree:
        return self._batch

    def _loss(self, w: Array, nudges: Array, batch: PyTree) -> Array:
        x = batch["x"]
        for i in range(w.shape[0]):
            x = self._skip * x + self._xp.tanh(x @ w[i].T) + nudges[i]
        return self._xp.mean(x * batch["weights"])

    def predict(self, params: dict[str, Array], batch: PyTree, odeint: OdeInt) -> Array:
        value, pull = self._xp.vjp(lambda w, nudges: self._loss(w, nudges, batch), params["w"], batch["nudges"])
        squares = [self._xp.sum(gradient**2, axis=(1, 2)) for gradient in pull(self._xp.ones_like(value))]
        return self._xp.sqrt(self._xp.stack(squares))

    def loss(self, params: dict[str, Array], batch: PyTree, odeint: OdeInt) -> Array:
        return self._loss(params["w"], batch["nudges"], batch)

    def evaluate(self, predict: Callable[[PyTree], Any]) -> dict[str, float]:
        """``first_gradient``: ‖dL/dW‖ of the first layer; ``gradient_ratio``: ‖dL/dx‖ after it over that at the end."""
        of_weights, of_states = predict(self._batch)
        return {"first_gradient": float(of_weights[0]), "gradient_ratio": float(of_states[0] / of_states[-1])}

    def outputs(self, predict: Callable[[PyTree], Any]) -> dict[str, Any]:
        """``norms`` (2, depth), as predicted, first layer first."""
        return {"norms": predict(self._batch)}

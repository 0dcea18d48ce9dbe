"""Stochastic gradient descent, for a framework that brings no optimizers of its own."""

from __future__ import annotations

from typing import Any

from odebench.adapter import Adapter, Loss
from odebench.contract import Array, PyTree, Recipe, Unsupported


class PlainDescent:
    """See :class:`odebench.adapter.Descent`: ``v ← momentum · v + g``, ``p ← p - rate · v``, out of place.

    :raises Unsupported: for another optimizer.
    """

    def __init__(self, adapter: Adapter, loss: Loss, recipe: Recipe, params: dict[str, Array]) -> None:
        if recipe.optimizer != "sgd":
            raise Unsupported(f"this framework trains with sgd only, not with {recipe.optimizer}")
        self._adapter, self._recipe = adapter, recipe
        self._value_and_grad = adapter.value_and_grad(loss)
        self.params = dict(params)
        self._velocity: dict[str, Any] = adapter.zeros_like(self.params)

    def step(self, batch: PyTree, rate: float) -> Array:
        value, grads = self._value_and_grad(self.params, batch)
        momentum, weight_decay = self._recipe.momentum, self._recipe.weight_decay
        for name, p in self.params.items():
            self._velocity[name] = momentum * self._velocity[name] + grads[name] + weight_decay * p
        self.params = {name: p - rate * self._velocity[name] for name, p in self.params.items()}
        return value

    def state(self) -> dict[str, Any]:
        return dict(self._adapter.numpy(self._velocity))

    def restore(self, params: dict[str, Array], state: dict[str, Any]) -> None:
        self.params, self._velocity = dict(params), self._adapter.asarray(state)

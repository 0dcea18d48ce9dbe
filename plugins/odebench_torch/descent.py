"""Training by PyTorch's own optimizers."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, optim

from odebench.adapter import Adapter, Loss
from odebench.contract import PyTree, Recipe


class TorchDescent:
    """See :class:`odebench.adapter.Descent`."""

    def __init__(self, adapter: Adapter, loss: Loss, recipe: Recipe, params: dict[str, Tensor]) -> None:
        self._recipe = recipe
        self._value_and_grad = adapter.value_and_grad(loss)
        self._start(params)

    def _start(self, params: dict[str, Tensor]) -> None:
        self.params = {name: p.detach().clone() for name, p in params.items()}
        self._optimizer = _optimizer(self._recipe, list(self.params.values()))

    def step(self, batch: PyTree, rate: float) -> Tensor:
        value, grads = self._value_and_grad(self.params, batch)
        for name, p in self.params.items():
            p.grad = grads[name]
        self._optimizer.param_groups[0]["lr"] = rate
        self._optimizer.step()
        return value  # type: ignore[no-any-return]

    def state(self) -> dict[str, Any]:
        return {
            f"{name}/{key}": value.detach().cpu().float().numpy()
            if value.dtype is torch.bfloat16
            else value.cpu().numpy()
            for name, p in self.params.items()
            for key, value in self._optimizer.state[p].items()
            if value is not None
        }

    def restore(self, params: dict[str, Tensor], state: dict[str, Any]) -> None:
        self._start(params)
        for path, value in state.items():
            name, _, key = path.rpartition("/")
            p = self.params[name]
            stored = torch.tensor(value)  # a copy, as the optimizer works in place
            # Its count of steps is a number on the CPU.
            self._optimizer.state[p][key] = stored if key == "step" else stored.to(p.device, p.dtype)


def _optimizer(recipe: Recipe, params: list[Tensor]) -> optim.Optimizer:
    if recipe.optimizer == "adam":
        return optim.Adam(params, recipe.learning_rate, weight_decay=recipe.weight_decay)
    if recipe.optimizer == "rmsprop":
        return optim.RMSprop(params, recipe.learning_rate, alpha=0.99, weight_decay=recipe.weight_decay)
    return optim.SGD(params, recipe.learning_rate, recipe.momentum, weight_decay=recipe.weight_decay)

"""Training by optax."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax  # type: ignore[import-untyped, unused-ignore]
from jax import tree_util

from odebench.adapter import Loss
from odebench.contract import PyTree, Recipe


class JaxDescent:
    """See :class:`odebench.adapter.Descent`."""

    def __init__(self, loss: Loss, recipe: Recipe, params: dict[str, jax.Array]) -> None:
        transform = _transform(recipe)
        value_and_grad = jax.value_and_grad(loss)

        def step(params: Any, state: Any, batch: PyTree, rate: jax.Array) -> tuple[Any, Any, Any]:
            value, grads = value_and_grad(params, batch)
            updates, state = transform.update(grads, state, params)
            return tree_util.tree_map(lambda p, u: p - (rate * u).astype(p.dtype), params, updates), state, value

        self._step = jax.jit(step, donate_argnums=(0, 1))
        self.params = tree_util.tree_map(jnp.copy, params)  # as steps donate their arguments
        self._state = _beside(self.params, transform.init(self.params))

    def step(self, batch: PyTree, rate: float) -> jax.Array:
        self.params, self._state, value = self._step(self.params, self._state, batch, rate)
        return value  # type: ignore[no-any-return]

    def state(self) -> dict[str, Any]:
        leaves, _ = tree_util.tree_flatten_with_path(self._state)
        return {tree_util.keystr(path): _stored(leaf) for path, leaf in leaves}

    def restore(self, params: dict[str, jax.Array], state: dict[str, Any]) -> None:
        leaves, structure = tree_util.tree_flatten_with_path(self._state)
        self.params = tree_util.tree_map(jnp.copy, params)
        restored = [jnp.array(state[tree_util.keystr(path)], leaf.dtype) for path, leaf in leaves]
        self._state = _beside(self.params, tree_util.tree_unflatten(structure, restored))


def _beside(params: Any, state: Any) -> Any:
    """The state, committed to the parameters' device as a step's results are: else the second step compiles anew."""
    devices = {p.sharding for p in tree_util.tree_leaves(params)}
    return jax.device_put(state, devices.pop()) if len(devices) == 1 else state


def _stored(leaf: jax.Array) -> Any:
    found = np.asarray(leaf)
    return found.astype(np.float32) if found.dtype == jnp.bfloat16 else found


def _transform(recipe: Recipe) -> Any:
    """What the learning rate is multiplied with, by the same arithmetic as torch.optim's."""
    direction = {
        "sgd": lambda: optax.trace(recipe.momentum),
        "adam": optax.scale_by_adam,
        "rmsprop": lambda: optax.scale_by_rms(0.99, eps_in_sqrt=False),
    }[recipe.optimizer]()
    return optax.chain(optax.add_decayed_weights(recipe.weight_decay), direction)

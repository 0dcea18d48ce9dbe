"""The two nets on points: an ODE block with zeros appended to its state, and residual blocks."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from odebench.contract import Array, OdeInt
from odebench.tasks import namespace
from odebench.tasks.nets import Floats, float32, linear, linear_parameters, mlp, mlp_parameters, under

Params = dict[str, Any]


class Model(Protocol):
    """Points x (N, d) → states (T, N, d + p) → what is said of them (…, outputs)."""

    def parameters(self, rng: np.random.Generator) -> Params: ...

    def states(self, params: Params, x: Array, ts: Array, odeint: OdeInt) -> Array: ...

    def read(self, params: Params, states: Array) -> Array: ...


class OdeBlock:
    """ẏ = f(t, y), y(0) = (x, 0), with f of two hidden layers of ReLU which is given t besides.

    :param augment: p, how many zeros are appended: 0 is a Neural ODE, more an augmented one.
    :param head: whether a linear layer reads all d + p coordinates; without one, the first d are the answer.
    """

    def __init__(self, framework: str, d: int, augment: int, hidden: int, *, head: bool) -> None:
        self._xp = namespace(framework)
        self._d, self._augment, self._hidden, self._head = d, augment, hidden, head

    def parameters(self, rng: np.random.Generator) -> Params:
        width = self._d + self._augment
        found: dict[str, Floats] = mlp_parameters(rng, "field", (width + 1, self._hidden, self._hidden, width))
        return float32(found | (linear_parameters(rng, "head", width, 1) if self._head else {}))

    def field(self, t: Array, y: Array, params: Params) -> Array:
        xp = self._xp
        return mlp(params, "field", xp.concat([y, xp.zeros_like(y[..., :1]) + t], axis=-1), xp.relu)

    def states(self, params: Params, x: Array, ts: Array, odeint: OdeInt) -> Array:
        zeros = [self._xp.zeros_like(x[:, :1])] * self._augment
        return odeint(self.field, self._xp.concat([x, *zeros], axis=-1), ts, under(params, "field"))

    def read(self, params: Params, states: Array) -> Array:
        return linear(params, "head", states) if self._head else states[..., : self._d]


class ResNet:
    """y ← y + relu(W₂ relu(W₁ y + b₁) + b₂), a block at a time, and a linear head; it takes no notice of ts."""

    def __init__(self, framework: str, d: int, hidden: int, blocks: int) -> None:
        self._xp = namespace(framework)
        self._d, self._hidden, self._blocks = d, hidden, blocks

    def parameters(self, rng: np.random.Generator) -> Params:
        found: dict[str, Floats] = {}
        for i in range(self._blocks):
            found |= mlp_parameters(rng, f"block{i}", (self._d, self._hidden, self._d))
        return float32(found | linear_parameters(rng, "head", self._d, 1))

    def states(self, params: Params, x: Array, ts: Array, odeint: OdeInt) -> Array:
        found, relu = [x], self._xp.relu
        for i in range(self._blocks):
            found.append(found[-1] + relu(mlp(params, f"block{i}", found[-1], relu)))
        return self._xp.stack(found)

    def read(self, params: Params, states: Array) -> Array:
        return linear(params, "head", states)

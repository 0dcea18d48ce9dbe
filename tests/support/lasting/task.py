"""``dy/dt = W₂ tanh(W₁ y + b₁) + b₂`` on [0, 1], to be fitted to a turn by a right angle."""

from __future__ import annotations

import os
import time

import numpy as np

from odebench.contract import Recipe
from odebench.tasks import namespace
from odebench.tasks.nets import float32, mlp, mlp_parameters, under


class Flow:
    """
    :param stiff_at: the training step whose batch asks for a field 10⁶ times as fast.
    """

    def __init__(self, framework, *, seed, steps=6, optimizer="sgd", stiff_at=None):
        self._xp, self._framework, self._seed, self._stiff_at = namespace(framework), framework, seed, stiff_at
        self.params = float32(mlp_parameters(np.random.default_rng([seed, 0]), "f", (2, 4, 2)))
        self.recipe = Recipe(
            steps, 0.05, momentum=0.9, optimizer=optimizer, weight_decay=1e-3, milestones=(4,), decay=0.5
        )

    def _batch(self, *stream, speed=1.0):
        x = np.random.default_rng([self._seed, *stream]).standard_normal((4, 2)).astype(np.float32)
        return {"x": x, "y": x @ np.array([[0, 1], [-1, 0]], np.float32), "speed": np.float32(speed)}

    def probe(self):
        return self._batch(1)

    accuracy_probe = probe

    def batch(self, step):
        if os.environ.get("LASTING_HANGS") == f"{self._framework} {step}":
            time.sleep(3600)
        return self._batch(2, step, speed=1e6 if step == self._stiff_at else 1.0)

    def predict(self, params, batch, odeint):
        xp = self._xp

        def f(t, y, p):
            return p["speed"] * mlp(p, "f", y, xp.tanh)

        ts = xp.stack([0 * batch["speed"], 1 + 0 * batch["speed"]])
        return odeint(f, batch["x"], ts, under(params, "f") | {"speed": batch["speed"]})[-1]

    def loss(self, params, batch, odeint):
        return self._xp.mean((self.predict(params, batch, odeint) - batch["y"]) ** 2)

    def evaluate(self, predict):
        batch = self._batch(3)
        return {"test_rmse": np.sqrt(np.mean((predict(batch) - batch["y"]) ** 2))}

    def outputs(self, predict):
        return {"turned": predict(self._batch(3))}

"""The toy tasks. Their parameters are module constants, as a careless author's may be."""

from __future__ import annotations

import os
import time

import numpy as np

from odebench.contract import Recipe

TARGET_RATE = 2.0
DIVERGES_AT = 4
_LINE = {"w": np.array([1.0])}
_DECAY = {"rate": np.array([1.0])}


class Line:
    """``(w - 3)² / 2``: its gradient is w - 3, whatever the batch."""

    params = _LINE

    def __init__(self, framework, *, seed, steps=10):
        self.recipe = Recipe(steps=steps, learning_rate=0.1, momentum=0.9, milestones=(6,), decay=0.5)

    def probe(self):
        return {"x": np.ones(2)}

    def accuracy_probe(self):
        return {"x": np.ones(1)}

    def batch(self, step):
        return {"x": np.ones(2)}

    def predict(self, params, batch, odeint):
        return params["w"] * batch["x"]

    def loss(self, params, batch, odeint):
        return np.mean((self.predict(params, batch, odeint) - 3.0 * batch["x"]) ** 2) / 2

    def evaluate(self, predict):
        return {"test_error": np.float32(abs(predict(self.probe())[0] - 3.0))}


class Diverging(Line):
    """A line until step DIVERGES_AT, whose batch is too large to be squared."""

    def batch(self, step):
        return {"x": np.full(2, 1e200 if step == DIVERGES_AT else 1.0)}


class Decay:
    """``dy/dt = -rate · y`` on [0, 1], to be fitted to the solution of rate TARGET_RATE."""

    params = _DECAY

    def __init__(self, framework, *, seed, steps=10):
        self.seed = seed
        self.recipe = Recipe(steps=steps, learning_rate=2.0, momentum=0.5)

    def probe(self):
        return {"y0": np.array([1.0, 2.0, -1.0])}

    def accuracy_probe(self):
        return {"y0": np.array([1.0, 2.0])}

    def batch(self, step):
        if step == int(os.environ.get("TOY_HANGS_AT", "-1")):
            time.sleep(3600)
        return {"y0": np.random.default_rng([self.seed, step]).uniform(1.0, 2.0, 3)}

    def predict(self, params, batch, odeint):
        return odeint(lambda t, y, p: -p["rate"] * y, batch["y0"], np.array([0.0, 1.0]), params)[-1]

    def loss(self, params, batch, odeint):
        return np.mean((self.predict(params, batch, odeint) - batch["y0"] * np.exp(-TARGET_RATE)) ** 2) / 2

    def evaluate(self, predict):
        return {"learned_rate": -np.log(predict(self.probe())[0])}

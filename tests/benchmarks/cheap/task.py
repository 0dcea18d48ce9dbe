"""The sum of a product of two numbers with two numbers."""

from __future__ import annotations

from typing import Any

import numpy as np


class Cheap:
    """See :class:`odebench.contract.TaskInstance`."""

    recipe = None

    def __init__(self, framework: str, *, seed: int) -> None:
        self.params = {"w": np.full(2, 1.0 + seed)}

    def probe(self) -> Any:
        return {"x": np.ones(2)}

    def loss(self, params: Any, batch: Any, odeint: Any) -> Any:
        return (params["w"] * batch["x"]).sum()

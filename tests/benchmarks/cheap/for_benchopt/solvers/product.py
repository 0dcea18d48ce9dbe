from __future__ import annotations

from typing import Any

import numpy as np
from benchopt import BaseSolver  # type: ignore[import-not-found, unused-ignore]


class Solver(BaseSolver):  # type: ignore[misc, unused-ignore]
    name = "product"
    sampling_strategy = "run_once"

    def set_objective(self, w: Any) -> None:
        self.w = w

    def run(self, _: Any) -> None:
        self.value = float((self.w * np.ones(2)).sum())

    def get_result(self) -> dict[str, float]:
        return {"value": self.value}

"""benchopt's part of the rivalry: the value is the objective."""

from __future__ import annotations

from typing import Any

from benchopt import BaseObjective  # type: ignore[import-not-found, unused-ignore]


class Objective(BaseObjective):  # type: ignore[misc, unused-ignore]
    name = "cheap"

    def set_data(self, w: Any) -> None:
        self.w = w

    def get_objective(self) -> dict[str, Any]:
        return {"w": self.w}

    def get_one_result(self) -> dict[str, Any]:
        return {"value": 0.0}

    def evaluate_result(self, value: float) -> dict[str, float]:
        return {"value": value}

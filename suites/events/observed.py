"""What is seen of the ball: heights in the beginning, to learn from; and heights later on, to be told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from odebench.contract import PyTree
from odebench.tasks import positive, whole

from .ball import heights

SEEN, TOLD = 5.0, 8.0
"""Two impacts come before the first, two more before the second."""
_NOISE = 1  # the stream of random numbers


class Observed:
    """``points`` heights at equal distances on (0, SEEN], with noise of a standard deviation; and as many on
    (SEEN, TOLD], without."""

    def __init__(self, seed: int, points: int, noise: float) -> None:
        whole("events", "points", points, 2)
        if noise:
            positive("events", "noise", noise)
        self.ts, self.later = (np.linspace(*span, points + 1)[1:] for span in ((0.0, SEEN), (SEEN, TOLD)))
        self.heights = heights(self.ts)
        rng = np.random.default_rng([seed, _NOISE])
        self.batch: PyTree = {"ts": self.ts, "heights": self.heights + noise * rng.standard_normal(points)}

    def errors(self, predict: Callable[[PyTree], Any]) -> dict[str, float]:
        """``relative_l1`` and ``extrapolation_l1``: sums of absolute errors over sums of the true heights, without
        noise, where they were seen and later; ``predict`` gives heights (points,)."""
        return {
            "relative_l1": _relative(predict(self.batch), self.heights),
            "extrapolation_l1": _relative(predict({**self.batch, "ts": self.later}), heights(self.later)),
        }

    def path(self, predict: Callable[[PyTree], Any]) -> dict[str, Any]:
        """``ts``, ``true`` and ``learned`` on both parts, and what was ``seen``."""
        ts = np.concatenate([self.ts, self.later])
        learned = np.concatenate([predict({**self.batch, "ts": part}) for part in (self.ts, self.later)])
        found = {"ts": ts, "true": heights(ts), "learned": learned, "seen": self.batch["heights"]}
        return {name: np.asarray(array, np.float32) for name, array in found.items()}


def _relative(found: Any, true: Any) -> float:
    return float(np.abs(found - true).sum() / np.abs(true).sum())

"""asv's part of the rivalry: a sample of one call for each of ten seeds."""

from __future__ import annotations

import numpy as np


class Cheap:
    params = tuple(range(10))
    number = repeat = rounds = 1
    warmup_time = 0.0

    def setup(self, seed: int) -> None:
        self.w = np.full(2, 1.0 + seed)

    def time_product(self, seed: int) -> None:
        (self.w * np.ones(2)).sum()

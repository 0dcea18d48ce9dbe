from __future__ import annotations

from typing import Any

import numpy as np
from benchopt import BaseDataset  # type: ignore[import-not-found, unused-ignore]


class Dataset(BaseDataset):  # type: ignore[misc, unused-ignore]
    name = "numbers"
    parameters = {"seed": list(range(10))}  # noqa: RUF012

    def get_data(self) -> dict[str, Any]:
        return {"w": np.full(2, 1.0 + self.seed)}

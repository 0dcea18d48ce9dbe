"""Synthetic records."""

from __future__ import annotations

from typing import Any

import pytest

from odebench.record import CellStatus, Record


def make(
    backend: str = "torch/dopri5/adjoint",
    metrics: dict[str, float] | None = None,
    status: CellStatus = CellStatus.ok,
    options: dict[str, Any] | None = None,
    **config: Any,
) -> Record:
    base = {"suite": "s", "task": "t", "backend": backend, "device": "cpu", "dtype": "float64", "seed": 0}
    base |= {"rtol": 1e-3, "atol": 1e-3, "num_steps": None, "options": options or {}, "solve": {}}
    return Record(config=base | config, hash="", row="", status=status, metrics=metrics or {})


@pytest.fixture(scope="session")
def record():
    """A record of given backend, metrics, status, options and configuration."""
    return make

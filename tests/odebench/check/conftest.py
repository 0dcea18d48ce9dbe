"""The faulty library, and rows of reports by their names."""

from __future__ import annotations

from pathlib import Path

import pytest

from odebench.check.report import items
from odebench.registry import load_registry

FAULTS = str(Path(__file__).parent / "faults")


@pytest.fixture(scope="session")
def faults():
    return FAULTS


@pytest.fixture(scope="session")
def faulty_registry(support):
    return load_registry((str(support / "toy.py"), FAULTS), strict=True)


@pytest.fixture(scope="session")
def measure(faulty_registry):
    """The outcomes of a backend's checks, by check; of those that are named, or of all."""
    made = {}

    def measure(backend, *checks):
        if backend not in made:
            made[backend] = {item.check: item for item in items(faulty_registry, backend)}
        return {check: made[backend][check].run().outcome for check in checks or made[backend]}

    return measure

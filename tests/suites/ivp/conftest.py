"""The suite as a plugin, loaded as the command line loads it."""

from pathlib import Path

import pytest

from odebench.registry import load_registry

SUITE = Path(__file__).parents[3] / "suites" / "ivp"


@pytest.fixture(scope="session")
def suite():
    return SUITE


@pytest.fixture(scope="session")
def registry():
    return load_registry(suites=[SUITE], strict=True)

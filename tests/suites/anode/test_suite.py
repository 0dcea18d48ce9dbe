"""suites/anode as its suite.toml and its claims say it: every cell can be planned, and every claim has its cells."""

from pathlib import Path

import pytest

from odebench.claims.model import read_claim
from odebench.plan import Selection, plan
from odebench.registry import load_registry
from odebench.suite import plugin_folders, read_suite

SUITE = Path(__file__).parents[3] / "suites" / "anode"


@pytest.fixture(scope="module")
def cells():
    """preset → its cells."""
    registry, suite = load_registry(suites=plugin_folders(SUITE), strict=True), read_suite(SUITE)
    return {name: plan("anode", suite, preset, registry, Selection()) for name, preset in suite.presets.items()}


@pytest.mark.parametrize("preset", ["tiny", "quick", "standard", "paper"])
def test_every_cell_can_be_planned(cells, preset):
    """None is skipped, and each has the training pass."""
    assert cells[preset]
    assert {cell.skip for cell in cells[preset]} == {""}
    assert {cell.measure for cell in cells[preset]} == {("training",)}


def test_what_claims_are_judged_by_has_three_seeds(cells):
    """In the preset that a claim names, each of its tasks has three seeds of a configuration."""
    for file in sorted((SUITE / "claims").glob("*.toml")):
        claim = read_claim(file).claim
        for check in claim.check:
            seeds = {cell.seed for cell in cells[claim.preset] if cell.task == check.where["task"]}
            assert len(seeds) >= 3, file.name

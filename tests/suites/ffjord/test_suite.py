"""suites/ffjord as its suite.toml says it."""

from pathlib import Path

import pytest

from odebench.claims.model import read_claim
from odebench.plan import Selection, plan
from odebench.registry import load_registry
from odebench.suite import plugin_folders, read_suite

SUITE = Path(__file__).parents[3] / "suites" / "ffjord"


@pytest.fixture(scope="module")
def cells():
    registry = load_registry((), plugin_folders(SUITE), strict=True)
    suite = read_suite(SUITE)
    return {name: plan("ffjord", suite, preset, registry, Selection()) for name, preset in suite.presets.items()}


def test_every_preset_plans(cells):
    """Each has cells; the user's own table is in no preset but its own; standard and paper train all eight."""
    for name, found in cells.items():
        assert found, name
        assert all(cell.measure for cell in found), name
        assert any(cell.task == "ffjord/tabular" for cell in found) == (name == "tabular")
    for name in ("standard", "paper"):
        assert len({cell.options["density"] for cell in cells[name] if cell.task == "ffjord/toy"}) == 8


def test_three_seeds(cells):
    """Wherever a claim with randomness is judged there are three."""
    for what in ("ffjord/trace", "ffjord/toy", "ffjord/gaussian"):
        seeds = {
            cell.seed for cell in cells["quick"] if cell.task == what and {"evaluation", "training"} & {*cell.measure}
        }
        assert seeds == {0, 1, 2}


def test_claims(cells):
    """Every claim's file is valid, and there are cells in its preset for each of its checks."""
    files = sorted((SUITE / "claims").glob("*.toml"))
    assert {read_claim(file).claim.number for file in files} >= {9, 10, 16}
    for file in files:
        claim = read_claim(file).claim
        for check in claim.check:
            task = check.where["task"]
            assert any(cell.task == task for cell in cells[claim.preset]), file

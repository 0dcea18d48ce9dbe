"""suites/speed as its suite.toml says it: every preset can be planned, and rivals are given the same."""

from collections import defaultdict
from pathlib import Path

import pytest

from odebench.plan import Selection, plan
from odebench.registry import load_registry
from odebench.suite import plugin_folders, read_suite

SUITE = Path(__file__).parents[3] / "suites" / "speed"


@pytest.fixture(scope="module")
def cells():
    registry = load_registry((), plugin_folders(SUITE), strict=True)
    suite = read_suite(SUITE)
    return {name: plan("speed", suite, preset, registry, Selection()) for name, preset in suite.presets.items()}


def test_every_preset_plans(cells):
    """No cell is skipped before it starts; quick does part of what standard does."""
    assert not [cell.skip for found in cells.values() for cell in found if cell.skip]
    quick, standard = ({cell.hash for cell in cells[name]} for name in ("quick", "standard"))
    assert quick < standard


def test_rivals_are_given_the_same(cells):
    """Adaptive cells of one problem the same first step and bound, but for the library whose first step is its own;
    and equal steps the same number."""
    for cell in cells["standard"]:
        assert (cell.solver == "rk4") == (cell.num_steps == 20), cell.label
    problems = defaultdict(set)
    for cell in cells["standard"]:
        if cell.num_steps is None and cell.library != "jax-ode":
            key = (cell.task, cell.dtype, cell.rtol, cell.atol, str(cell.options))
            problems[key].add((cell.solve["first_step"], cell.solve["max_steps"]))
    assert problems
    assert all(len(given) == 1 for given in problems.values()), problems


def test_every_peer_meets_ours_everywhere(cells):
    """On each adaptive problem of standard: torch's, jax's and all four peers' methods."""
    problems = defaultdict(set)
    for cell in cells["standard"]:
        if cell.num_steps is None:
            problems[cell.task, cell.dtype, str(cell.options)].add(cell.library)
    libraries = {"torch", "jax", "torchdiffeq", "torchode", "diffrax", "jax-ode"}
    assert all(met == libraries for met in problems.values()), problems

"""suites/speed as its suite.toml says it: every preset can be planned, and rivals are given the same."""

from collections import defaultdict
from itertools import product
from pathlib import Path

import pytest

from odebench.plan import Selection, plan
from odebench.record import Record
from odebench.registry import load_registry
from odebench.report.contests import contests
from odebench.report.fits import fits
from odebench.suite import plugin_folders, read_suite

SUITE = Path(__file__).parents[3] / "suites" / "speed"


@pytest.fixture(scope="module")
def cells():
    registry = load_registry((), plugin_folders(SUITE), strict=True)
    suite = read_suite(SUITE)
    return {name: plan("speed", suite, preset, registry, Selection()) for name, preset in suite.presets.items()}


def test_every_preset_plans(cells):
    """No cell is skipped before it starts; quick does part of what table and standard do."""
    assert not [cell.skip for found in cells.values() for cell in found if cell.skip]
    quick, table, standard = ({cell.hash for cell in cells[name]} for name in ("quick", "table", "standard"))
    assert quick < table | standard


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


@pytest.fixture(scope="module")
def growth(cells):
    """The fits of growth's cells, had each every figure."""
    suite = read_suite(SUITE)
    metrics = dict.fromkeys(("forward_backward_s", "memory_bytes", "nfe_forward", "vjps"), 1.0)
    records = [Record(cell.config, cell.hash, cell.row, metrics=metrics) for cell in cells["growth"]]
    return fits(records, [fit.model_dump() for fit in suite.fits])


def test_every_axis_of_growth_is_long_enough(growth):
    """Every fit that is asked for is made, of four points at least over a decade and a half."""
    several, one_more = read_suite(SUITE).fits
    assert len(several.x) == 6, "the axes that the README names, beside the steps allowed"
    asked = {*product(several.x, several.y), (one_more.x, one_more.y)}
    assert {(one.x, one.y) for one in growth} == asked
    for one in growth:
        low, high = one.span
        assert high / low > 10**1.5, (one.backend, one.x)
        assert len({x for x, _, _ in one.cells}) == one.points >= 5, (one.backend, one.x)


def test_every_fit_of_ours_has_a_peers_beside_it(growth):
    """Along every axis, of every kind of gradient."""
    rivals = [one.model_dump() for one in read_suite(SUITE).rivals]
    ours = {id(one) for one in growth if one.backend.partition("/")[0] in ("torch", "jax")}
    assert {id(contest.ours) for contest in contests(growth, rivals)} == ours

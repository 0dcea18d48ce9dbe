"""suites/error_control as its suite.toml says it: every cell can be planned, whatever the preset."""

from pathlib import Path

import pytest

from odebench.plan import Selection, plan
from odebench.registry import load_registry
from odebench.suite import plugin_folders, read_suite

SUITE = Path(__file__).parents[3] / "suites" / "error_control"


@pytest.fixture(scope="module")
def registry():
    return load_registry((), plugin_folders(SUITE), strict=True)


@pytest.fixture(scope="module")
def cells(registry):
    suite = read_suite(SUITE)
    return {name: plan("error_control", suite, preset, registry, Selection()) for name, preset in suite.presets.items()}


def test_it_measures_tasks_of_other_suites(registry):
    """Trained nets, problems with a stored truth, and fields whose gradients are known; and those suites are there."""
    assert {name.partition("/")[0] for name in registry.tasks} == {"mnist", "ivp", "gradients"}
    assert [folder.name for folder in plugin_folders(SUITE)] == ["mnist", "ivp", "gradients", "error_control"]


def test_every_preset_plans(cells):
    """Every backend and task that is named exists; quick is a part of standard; both go from 1 to 1e-10."""
    assert {cell.task.partition("/")[0] for cell in cells["quick"]} == {"mnist", "ivp", "gradients"}
    points = {name: {(c.task, c.backend, c.rtol, c.dtype) for c in found} for name, found in cells.items()}
    assert points["quick"] < points["standard"]
    for found in (cells["quick"], cells["standard"]):
        rtols = [cell.rtol for cell in found if cell.rtol]
        assert (max(rtols), min(rtols)) == (1.0, 1e-10)
    assert all(cell.measure for found in cells.values() for cell in found)


def test_what_claims_ask_for_beyond_that(cells):
    """Three nets where chance matters, batches of three sizes, other solvers at test time; none of it trains."""
    points = {name: {c.hash for c in found} for name, found in cells.items()}
    seeds = {c.seed for c in cells["claims"] if c.task == "gradients/field"}
    sizes = {c.options["probe_size"] for c in cells["claims"] if c.backend == "jax/dopri5/backprop"}
    assert (seeds, sizes) == ({0, 1, 2}, {1, 8, 64})
    assert {c.solver for c in cells["claims"] if "evaluation" in c.measure} >= {"dopri5", "tsit5", "euler", "rk4"}
    assert not any("training" in c.measure for c in cells["claims"])
    assert len(points["claims"] - points["quick"]) > 0.5 * len(points["claims"])


def test_errors_against_nfe_are_of_the_trained_net(cells):
    """All but the cell that is trained start from the stored weights; only that one counts along its training."""
    nets = [cell for cell in cells["quick"] if cell.task == "mnist/odenet"]
    trained = [cell for cell in nets if "training" in cell.measure]
    assert len(trained) == 1
    assert "weights" not in trained[0].options
    assert all(cell.options["weights"] == "odenet-conv.npz" for cell in nets if cell is not trained[0])
    assert all(cell.options["test_size"] == 100 for cell in nets)
    assert all(read_suite(SUITE).presets[name].count_every for name in ("quick", "standard"))


def test_a_reconstruction_error_beside_every_nfe(cells):
    """Wherever evaluations are counted, the solve is repeated backwards."""
    for cell in cells["standard"]:
        assert ("counting" in cell.measure) == ("reconstruction" in cell.measure), cell.label

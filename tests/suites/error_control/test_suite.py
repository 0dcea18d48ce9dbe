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
    """Every backend and task that is named exists; quick leaves out what is tighter than 1e-8."""
    assert {cell.task.partition("/")[0] for cell in cells["quick"]} == {"mnist", "ivp", "gradients"}
    assert min(cell.rtol for cell in cells["quick"] if cell.rtol) == 1e-8
    assert min(cell.rtol for cell in cells["standard"] if cell.rtol) == 1e-10

    def points(name, least):
        return {(c.task, c.backend, c.rtol, c.dtype, c.measure) for c in cells[name] if c.rtol >= least}

    assert points("quick", 1e-8) == points("standard", 1e-8)
    assert all(cell.measure for cell in cells["quick"])


def test_errors_against_nfe_are_of_the_trained_net(cells):
    """All but the cell that is trained start from the stored weights; only that one counts along its training."""
    nets = [cell for cell in cells["quick"] if cell.task == "mnist/odenet"]
    trained = [cell for cell in nets if "training" in cell.measure]
    assert len(trained) == 1
    assert "weights" not in trained[0].options
    assert all(cell.options["weights"] == "odenet-conv.npz" for cell in nets if cell is not trained[0])
    assert all(cell.options["test_size"] == 100 for cell in nets)
    assert all(read_suite(SUITE).presets[name].count_every for name in cells)


def test_a_reconstruction_error_beside_every_nfe(cells):
    """Wherever evaluations are counted, the solve is repeated backwards."""
    for cell in cells["standard"]:
        assert ("counting" in cell.measure) == ("reconstruction" in cell.measure), cell.label

"""Where a run takes its references from: what is stored, then the routes that a task knows."""

from pathlib import Path

import numpy as np
import pytest

from odebench import truth
from odebench.executor import WorkerFailure
from odebench.record import CellStatus
from odebench.reference import References
from odebench.registry import load_registry
from odebench.store import Store

SUITE = Path(__file__).parents[2] / "suites" / "ivp"


class Workers:
    """Takes a task's routes in this process, or fails."""

    def __init__(self, registry, fails=False):
        self.registry, self.fails, self.asked = registry, fails, []

    def ask_fresh(self, framework, device, limit, name, cell):
        self.asked.append((name, cell.options))
        if self.fails:
            raise WorkerFailure(CellStatus.timeout, "too long")
        task = self.registry.tasks[cell.task]
        return truth.make(task, truth.key(task, cell.seed, cell.options))


@pytest.fixture(scope="module")
def ivp():
    return load_registry(suites=[SUITE], strict=True)


@pytest.fixture
def cell(make_cells, ivp):
    def make(**options):
        matrix = {"tasks": ["ivp/a2"], "backends": ["torch/dopri5/backprop"]}
        return make_cells(matrix, preset={"options": options}, registry=ivp)[0]

    return make


class NoSuite:
    reference = ()


@pytest.fixture
def references(ivp, tmp_path):
    def make(**options):
        workers = Workers(ivp, **options)
        return References(NoSuite(), ivp, workers, Store(tmp_path), 10.0), workers

    return make


def test_a_stored_reference_is_taken(references, cell):
    """Nobody is asked; the run's folder gets a copy, with the agreement that was stored."""
    found, workers = references()
    file = found.file(cell())
    assert file == found.store.folder / "references" / "ivp-a2-0.npz"
    with np.load(file) as arrays:
        assert arrays["prediction"].shape == (5, 1)
        assert 0 < arrays["agreement/gradient_t0"] < 1e-14
    assert workers.asked == []


def test_other_options_have_a_reference_of_their_own(references, cell):
    """It is not stored, so a worker takes the routes, once a run."""
    found, workers = references()
    usual, scaled = found.file(cell()), found.file(cell(loss_scale=0.5))
    assert found.file(cell(loss_scale=0.5)) == scaled != usual
    assert workers.asked == [("routes", {"loss_scale": 0.5})]
    with np.load(usual) as first, np.load(scaled) as second:
        np.testing.assert_array_equal(first["prediction"], second["prediction"])
        np.testing.assert_allclose(second["gradient/rate"], first["gradient/rate"] / 2, rtol=1e-15)


def test_without_a_truth_there_is_no_file(references, cell):
    """The worker ran out of time, the suite names no backends: the log says so, and the cell goes on without."""
    found, _ = references(fails=True)
    assert found.file(cell(loss_scale=0.5)) is None
    assert "reference for ivp/a2: timeout" in (found.store.folder / "logs" / "run.log").read_text()


@pytest.mark.parametrize(("factor", "agreed"), [(1.01, True), (2.0, False), (np.nan, False)])
def test_two_backends_that_do_not_agree_are_no_reference(references, cell, monkeypatch, factor, agreed):
    """Beyond a tenth there is none, and the log says how far they are apart; a part that is zero is no objection."""
    found, workers = references()
    first = {"prediction": np.ones(2), "gradient/ts": np.array([1e-18, 1.0]), "gradient/y0": np.ones(1)}
    second = {name: factor * x for name, x in first.items()} | {"gradient/ts": np.array([3e-18, 1.0])}
    truths = [first, second]
    workers.ask = lambda *arguments: truths.pop(0)
    monkeypatch.setattr(found, "judges", lambda cell: [cell, cell])
    arrays = found._of_backends(cell())
    assert (arrays is not None) == agreed
    if not agreed:
        log = (found.store.folder / "logs" / "run.log").read_text()
        assert "reference for ivp/a2: the backends do not agree: forward " in log

"""The tiny preset through the command line: matching happens, and is told in numbers and pictures."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import odebench
from odebench.cli import cli
from odebench.plan import Selection, plan
from odebench.registry import load_registry
from odebench.suite import read_suite

SUITE = Path(__file__).parents[3] / "suites" / "cnf"
KL = 0.5  # of what it is for the base: what sixty steps must get below


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run of the tiny preset."""
    home = tmp_path_factory.mktemp("cnf")
    done = subprocess.run(
        [sys.executable, "-m", "odebench", "run", str(SUITE), "--preset", "tiny"],
        cwd=home,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return next((home / "results" / "cnf").iterdir())


@pytest.fixture(scope="module")
def results(folder):
    found = odebench.load_results(folder).set_index(["task", "backend"])
    assert (found.status == "ok").all(), found.reason
    return found


def test_energies_are_matched(results):
    """In both frameworks, by both kinds of flow: the KL is less than half of the untouched base's, in the window."""
    matched = results[results.base_kl.notna()]
    assert set(matched.index.get_level_values("task")) == {"cnf/match", "cnf/match_planar"}
    assert set(matched.framework) == {"torch", "jax"}
    assert (matched.base_kl > 3).all()
    assert (matched.kl < KL * matched.base_kl).all()
    assert (matched.kl > 0).all()
    assert (matched.outside < 0.02).all()


def test_density_of_the_continuous_flow(results):
    """Solved for backwards on a grid, it gives the KL that samples give forwards, and integrates to 1."""
    continuous = results.loc["cnf/match"]
    assert (abs(continuous.kl_grid - continuous.kl) < 0.1).all()
    assert (continuous.mass_error < 0.02).all()
    assert (continuous.inverse_error < 0.01).all()


def test_likelihood_beats_the_gaussian(results):
    """Two Circles after two hundred steps: better than the Gaussian fitted to them, no better than their own law."""
    fitted = results[results.test_nll.notna()]
    assert set(fitted.index.get_level_values("task")) == {"cnf/two_circles", "cnf/two_circles_planar"}
    assert (fitted.test_nll < fitted.gaussian_nll - 0.05).all()
    assert (fitted.test_nll > fitted.true_nll).all()
    assert (fitted.mass_error < 0.02).all()


def test_pictures(folder):
    """Every picture that the suite registers is drawn, and what it is drawn from is small."""
    for kind in ("cnf/matched", "cnf/kl", "cnf/fitted"):
        file = folder / f"{kind.replace('/', '-')}.png"
        drawn = CliRunner().invoke(cli, ["plot", str(folder), "--kind", kind, "--output", str(file)])
        assert drawn.exit_code == 0, drawn.exception
        assert file.stat().st_size > 10_000
    assert max(file.stat().st_size for file in (folder / "outputs").iterdir()) < 100_000


@pytest.mark.parametrize("preset", ["tiny", "quick", "standard", "paper"])
def test_options_of_every_preset(preset):
    """Each cell's options are known to its task, and in range."""
    registry = load_registry((), [SUITE])
    suite = read_suite(SUITE)
    cells = plan("cnf", suite, suite.preset(preset), registry, Selection())
    kinds = {(cell.task, repr(cell.options)): cell for cell in cells}
    assert len(kinds) >= 4
    for cell in kinds.values():
        task = registry.tasks[cell.task].load()(cell.framework, seed=0, **cell.options)
        assert task.params


@pytest.mark.parametrize("kind", ["match", "match_planar", "two_moons"])
def test_same_seed_same_numbers(kind):
    """Trained twice from one seed, every metric is the same to the last bit; from another it is not."""
    first, again, other = (trained(kind, seed) for seed in (0, 0, 1))
    assert first == again
    assert first != other


def trained(kind, seed):
    from odebench_torch.adapter import TorchAdapter
    from suites.cnf import tasks

    adapter = TorchAdapter("cpu", "float32")
    adapter.activate()
    task = getattr(tasks, f"make_{kind}")("torch", seed=seed, size=2, steps=3, batch_size=16, test_size=64)
    odeint = odebench.backend("torch/rk4/backprop", num_steps=2).odeint
    training = adapter.descent(lambda p, batch: task.loss(p, batch, odeint), task.recipe, adapter.asarray(task.params))
    for i in range(task.recipe.steps):
        training.step(adapter.asarray(task.batch(i)), task.recipe.rate(i))
    predict = adapter.forward(lambda p, batch: task.predict(p, batch, odeint))
    found = task.evaluate(lambda batch: adapter.numpy(predict(training.params, adapter.asarray(batch))))
    assert np.isfinite(list(found.values())).all()
    return found

"""The suite at a tiny size, from the command line: in both frameworks the rate learnt beats any constant one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import odebench

SUITE = Path(__file__).parents[3] / "suites" / "poisson"


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    home = tmp_path_factory.mktemp("poisson")
    command = [sys.executable, "-m", "odebench", "run", str(SUITE), "--preset", "tiny"]
    done = subprocess.run(
        command, cwd=home, capture_output=True, text=True, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert done.returncode == 0, done.stderr + done.stdout
    (run,) = (home / "results" / "poisson").iterdir()
    return home, run, odebench.load_results(run)


def test_the_rate_is_learnt(results):
    """Held-out events are likelier than under the constant rate that fits these very events best, and less likely than
    under the true rate; the solve's integral is that of its rates."""
    _, _, found = results
    assert set(found.backend) == {"torch/dopri5/backprop", "jax/dopri5/backprop"}
    assert (found.status == "ok").all()
    assert (found.test_share > 0.5).all()
    assert (found.test_log_likelihood < found.true_log_likelihood).all()
    assert (found.quadrature_gap < 1e-3).all()


def test_frameworks_learn_alike(results):
    """The same data, parameters and batches: likelihoods of an event that differ by a
    twentieth of what there is to be gained, at this tolerance in float32."""
    _, _, found = results
    assert found.test_log_likelihood.max() == pytest.approx(found.test_log_likelihood.min(), abs=0.01)


def test_the_picture_is_drawn(results):
    """From the run's files alone."""
    home, run, _ = results
    command = [sys.executable, "-m", "odebench", "plot", str(run), "--kind", "poisson/rates"]
    done = subprocess.run(command, cwd=home, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (run / "poisson-rates.svg").stat().st_size > 10_000

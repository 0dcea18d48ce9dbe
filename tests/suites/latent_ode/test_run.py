"""The suite at a tiny size, from the command line: every model learns, in both frameworks alike."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import odebench

SUITE = Path(__file__).parents[3] / "suites" / "latent_ode"


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    home = tmp_path_factory.mktemp("latent_ode")
    command = [sys.executable, "-m", "odebench", "run", str(SUITE), "--preset", "tiny"]
    done = subprocess.run(
        command, cwd=home, capture_output=True, text=True, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert done.returncode == 0, done.stderr + done.stdout
    (run,) = (home / "results" / "latent_ode").iterdir()
    return home, run, odebench.load_results(run)


def test_every_model_learns(results):
    """Each beats a prediction of the series' mean, about which a coordinate's spread is 5, by far within the seen
    times; and its loss has fallen to less than half."""
    _, _, found = results
    assert set(found.task) == {f"latent_ode/{name}" for name in ("latent_ode", "rnn", "rnn_dt", "ode_rnn")}
    assert (found.status == "ok").all()
    assert (found.test_rmse_interpolation < 2).all()
    assert (found.train_loss < found.loss / 2).all()


def test_frameworks_learn_alike(results):
    """The same data, parameters and batches: after forty steps of Adam in float32 the errors agree to 1 %."""
    _, _, found = results
    for _, pair in found[found.task != "latent_ode/ode_rnn"].groupby("task"):
        assert len(pair) == 2
        for metric in ("test_rmse_interpolation", "train_loss"):
            assert pair[metric].max() == pytest.approx(pair[metric].min(), rel=0.01)


@pytest.mark.parametrize("kind", ["reconstructions", "latent", "sweep", "errors"])
def test_pictures_are_drawn(results, kind):
    """From the run's files alone."""
    home, run, _ = results
    command = [sys.executable, "-m", "odebench", "plot", str(run), "--kind", f"latent_ode/{kind}"]
    done = subprocess.run(command, cwd=home, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (run / f"latent_ode-{kind}.svg").stat().st_size > 10_000

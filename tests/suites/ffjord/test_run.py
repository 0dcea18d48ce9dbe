"""suites/ffjord's tiny preset through the command line: what is to be learnt is learnt, in both frameworks."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import odebench

SUITE = Path(__file__).parents[3] / "suites" / "ffjord"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    home = tmp_path_factory.mktemp("ffjord")
    done = subprocess.run(
        [sys.executable, "-m", "odebench", "run", str(SUITE), "--preset", "tiny"],
        cwd=home,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (folder,) = (home / "results" / "ffjord").iterdir()
    return folder


@pytest.fixture(scope="module")
def results(run):
    found = odebench.load_results(run)
    assert set(found["status"]) == {"ok"}
    return found


def of(results, task):
    return results[results["task"] == f"ffjord/{task}"]


def test_toys_are_learnt(results):
    """Within 25 steps a flow beats the Gaussian that is fitted to the eight, by half a nat, in torch and JAX alike."""
    toys = of(results, "toy")
    assert set(toys["framework"]) == {"torch", "jax"}
    assert (toys["test_nats"] < toys["baseline_nats"] - 0.5).all()
    assert toys["test_nats"].max() - toys["test_nats"].min() < 0.05


def test_estimator_is_unbiased(results):
    """Every kind of noise and dimension: three standard errors at most over 10⁴ draws, and the variance of theory."""
    found = of(results, "trace")
    assert len(found) == 24
    assert (found["standard_errors"] < 3).all()
    assert found["variance_ratio"].between(0.85, 1.15).all()


def test_images_are_learnt(results):
    """A flow of images is better than a Gaussian for each pixel."""
    (found,) = of(results, "mnist").to_dict("records")
    assert found["test_bits"] < found["baseline_bits"]


def test_pictures(run, tmp_path):
    """Samples of images are drawn from what the run left."""
    for name in ("ffjord/images",):
        file = tmp_path / "picture.svg"
        command = [sys.executable, "-m", "odebench", "plot", str(run), "--kind", name, "--output", str(file)]
        done = subprocess.run(command, cwd=SUITE.parents[1], capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert file.stat().st_size > 1000

"""The tiny preset from the command line, in both frameworks: every workload runs, and every pass gives its figures."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import odebench
from odebench.stored import read_run

SUITE = Path(__file__).parents[3] / "suites" / "speed"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    home = tmp_path_factory.mktemp("speed")
    done = subprocess.run(
        [sys.executable, "-m", "odebench", "run", str(SUITE), "--preset", "tiny"],
        cwd=home,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    (folder,) = (home / "results" / "speed").iterdir()
    return folder


@pytest.fixture(scope="module")
def results(run):
    return odebench.load_results(run)


def test_every_cell_ends_well(results):
    """In both frameworks, all four workloads."""
    assert (results.status == "ok").all(), results[["task", "backend", "reason"]]
    assert set(results.framework) == {"torch", "jax"}
    assert set(results.task) == {"speed/spiral", "speed/conv", "speed/mlp", "cnf/two_moons"}


def test_every_pass_gives_its_figures(results):
    """Times and compilation of all; evaluations, bytes and overheads of all of torch's, the overhead of one of jax."""
    for metric in ("forward_s", "forward_backward_s", "compile_s"):
        assert results[metric].notna().all(), metric
    torch = results[results.framework == "torch"]
    for metric in ("nfe_forward", "vjps", "kept_bytes", "memory_bytes", "overhead"):
        assert (torch[metric] > 0).all(), metric
    assert results.overhead[results.backend == "jax/dopri5/backprop"].notna().all()


def test_rivals_have_one_loss(results):
    """Cells of one task are of one problem: their losses agree as well as their tolerance and type let them."""
    for task, of_task in results.groupby("task"):
        assert of_task.loss.max() == pytest.approx(of_task.loss.min(), rel=5e-3), task


def test_one_thread_is_told(run):
    """A run with one thread says so in its environment, where ``odebench compare`` looks before it compares times."""
    environment = read_run(run).environment
    assert environment["flags"]["OMP_NUM_THREADS"] == "1"
    assert environment["frameworks"]["torch"]["threads"] == 1

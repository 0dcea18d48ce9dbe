"""The tiny preset from the command line: what can be learnt is learnt, and what cannot is not."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import odebench

SUITE = Path(__file__).parents[3] / "suites" / "anode"
FLOOR = 0.5  # of SmoothL1 on the line, for whatever keeps order


def command(home, *arguments):
    done = subprocess.run(
        [sys.executable, "-m", "odebench", *arguments],
        cwd=home,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("anode")
    command(home, "run", str(SUITE), "--preset", "tiny", "--results", "first")
    return home


def run_folder(results):
    (folder,) = (results / "anode").iterdir()
    return folder


@pytest.fixture(scope="module")
def results(home):
    found = odebench.load_results(run_folder(home / "first"))
    assert (found.status == "ok").all(), found[["task", "status", "reason"]]
    return found


def trained(results, task, augment=None):
    """The records of a task on an adaptive solver, or without an ODE."""
    chosen = results[(results.task == f"anode/{task}") & (results.solver != "euler")]
    return (chosen if augment is None else chosen[chosen.option_augment == augment]).squeeze()


def test_the_line(results):
    """The flow ends near its floor and not below it, with order kept; with a zero appended it swaps the two, as one
    step of Euler does without; what need not be swapped is learnt by the flow, too."""
    flow, augmented = trained(results, "swap", 0), trained(results, "swap", 1)
    assert FLOOR - 1e-3 <= flow.test_loss < FLOOR + 0.1
    assert flow.swapped == flow.overtaken == 0
    assert augmented.test_loss < 0.05
    assert augmented.swapped == 1
    jump = results[results.solver == "euler"].squeeze()
    assert jump.test_loss < 0.05
    assert jump.swapped == 1
    assert trained(results, "identity").test_loss < 0.01


@pytest.mark.parametrize(("task", "augment"), [("spheres", 0), ("spheres", 5), ("spheres_resnet", None)])
def test_the_spheres_are_learnt(results, task, augment):
    """Far below the loss of whoever says the same c of all points: at best 5/12, by saying 1/2."""
    c = np.linspace(0, 1, 2001)
    constant = np.min((c + 0.5) / 3 + 2 / 3 * (1 - c) ** 2 / 2)
    assert constant == pytest.approx(5 / 12)
    assert trained(results, task, augment).test_loss < constant / 2


def test_the_wedge(results):
    """Where nothing was seen, the augmented flow is right, and of this seed the flow is wrong more often."""
    flow, augmented = trained(results, "wedge", 0), trained(results, "wedge", 5)
    assert augmented.wedge_accuracy > max(flow.wedge_accuracy, 0.9)


def test_images_are_learnt(results):
    """Twenty steps are better than guessing, by far, with channels appended and without."""
    for augment in (0, 5):
        assert trained(results, "mnist", augment).test_error < 0.7


def test_again_is_the_same(home, results):
    """The same seed on the same machine gives the same numbers, to the last bit."""
    command(home, "run", str(SUITE), "--preset", "tiny", "--results", "again", "--only", "task=anode/*[yt]")
    again = odebench.load_results(run_folder(home / "again")).set_index("hash")
    first = results.set_index("hash").loc[again.index]
    assert len(again) >= 5
    names = [name for name in again if name.startswith(("test_", "train_loss"))]
    np.testing.assert_array_equal(again[names].to_numpy(), first[names].to_numpy())


@pytest.mark.parametrize("kind", ["lines", "flows", "curves", "boundaries"])
def test_pictures(home, results, kind):
    """Each is drawn from what was stored."""
    command(home, "plot", str(run_folder(home / "first")), "--kind", f"anode/{kind}", "--output", f"{kind}.svg")
    assert (home / f"{kind}.svg").stat().st_size > 5000

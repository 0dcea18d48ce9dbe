"""The tiny preset from the command line: the field is learnt, and learnt the same way twice."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import odebench

SUITE = Path(__file__).parents[3] / "suites" / "spirals"
# Sixty steps in float32 carry a difference in rounding far: XLA compiles as it does for a user, however the tests run.
FASTER = ("JAX_DISABLE_MOST_OPTIMIZATIONS", "XLA_FLAGS")


def command(home, *arguments):
    done = subprocess.run(
        [sys.executable, "-m", "odebench", *arguments],
        cwd=home,
        env={k: v for k, v in os.environ.items() if k not in FASTER} | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("spirals")
    command(home, "run", str(SUITE), "--preset", "tiny", "--results", "first")
    return home


@pytest.fixture(scope="module")
def results(home):
    found = odebench.load_results(home / "first" / "spirals")
    assert (found.status == "ok").all(), found[["task", "status", "reason"]]
    return found


def test_the_field_is_learnt(results):
    """Over windows, to less than half of the untrained net's error, in both frameworks alike."""
    # The second's rate is so large that rounding grows: the same code on one core and on two ends 10 % apart.
    for name, apart in {"spirals/ode_demo": 0.02, "spirals/autograd_demo": 0.25}.items():
        of_task = results[results.task == name]
        untrained = of_task[of_task.option_steps == 0].iloc[0]
        trained = of_task[of_task.option_steps > 0].set_index("framework")
        assert set(trained.index) == {"torch", "jax"}
        assert (trained.window_l1 < 0.5 * untrained.window_l1).all(), name
        assert trained.window_l1["torch"] == pytest.approx(trained.window_l1["jax"], rel=apart)


def test_the_same_numbers_twice(home, results):
    """Same seed, same machine: a second run in torch has the first's metrics, to the last bit."""
    command(home, "run", str(SUITE), "--preset", "tiny", "--only", "framework=torch", "--results", "second")
    again = odebench.load_results(home / "second" / "spirals").set_index("hash")
    first = results.set_index("hash").loc[again.index]
    for metric in ("trajectory_l1", "window_l1"):
        assert (again[metric] == first[metric]).all()
    trained = again.option_steps > 0
    assert (again.train_loss[trained] == first.train_loss[trained]).all()


@pytest.mark.parametrize("kind", ["trajectory", "phase"])
def test_the_pictures(home, kind, results):
    """They are drawn from what the run has stored."""
    (run,) = (home / "first" / "spirals").iterdir()
    command(home, "plot", str(run), "--kind", f"spirals/{kind}", "--output", f"{kind}.svg")
    assert (home / f"{kind}.svg").stat().st_size > 10_000

"""The tiny preset from the command line: events are where they should be, and physics is learnt through them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import odebench

SUITE = Path(__file__).parents[3] / "suites" / "events"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("events")
    done = subprocess.run(
        [sys.executable, "-m", "odebench", "run", str(SUITE), "--preset", "tiny"],
        cwd=home,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return home


@pytest.fixture(scope="module")
def results(home):
    found = odebench.load_results(home / "results" / "events")
    assert (found.status == "ok").all(), found[["task", "status", "reason"]]
    return found


def test_event_gradients_are_exact(results):
    """Against the closed form, by the adjoint in torch and by backprop in JAX: far below the tolerance, as the flight
    is a polynomial; and evaluations of the search are counted with the rest."""
    balls = results[results.task == "events/bouncing_ball"].set_index("framework")
    assert set(balls.index) == {"torch", "jax"}
    assert (balls.forward_error < 1e-10).all()
    assert (balls.gradient_error < 1e-8).all()
    assert (balls.nfe_forward > balls.claimed_nfe).all()
    assert (balls.nfe_forward - balls.claimed_nfe == balls.option_bounces).all()


def test_physics_is_learnt(results):
    """From a guess that is a quarter off or more to a hundredth, in both frameworks, on the same way; what comes after
    what was seen is told with it."""
    learnt = results[results.task == "events/learn_physics"]
    guess = learnt[(learnt.option_steps == 0) & (learnt.seed == 0)].iloc[0]
    trained = learnt[learnt.option_steps > 0].set_index("framework")
    assert guess.gravity_error > 0.25
    assert set(trained.index) == {"torch", "jax"}
    assert (trained.gravity_error < 0.05).all()
    assert (trained.absorption_error < 0.1).all()
    assert (trained.relative_l1 < 0.1 * guess.relative_l1).all()
    assert (trained.extrapolation_l1 < 0.1 * guess.extrapolation_l1).all()
    assert trained.gravity_error["torch"] == pytest.approx(trained.gravity_error["jax"], abs=1e-2)


def test_the_picture(home):
    """It is drawn from what the run has stored."""
    (run,) = (home / "results" / "events").iterdir()
    done = subprocess.run(
        [sys.executable, "-m", "odebench", "plot", str(run), "--kind", "events/paths", "--output", "paths.svg"],
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    assert (home / "paths.svg").stat().st_size > 10_000

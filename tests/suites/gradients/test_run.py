"""The problems of suites/gradients through the command line, at a tiny size: what is recorded is what was proved."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import odebench

SUITE = Path(__file__).parents[3] / "suites" / "gradients"
D, K, INERT = 2, 4, 10_000  # of the spiral
TINY = f"""
title = "tiny"
default_preset = "tiny"
uses = ["{SUITE}"]

[[matrix]]
tasks = ["gradients/spiral"]
backends = ["torch/rk4/backprop", "torch/rk4/adjoint", "torch/implicit_midpoint/backprop"]
equal_steps = [32]
dtypes = ["float64"]
options = {{ end = 1.0 }}
measure = ["counting", "difference"]

[[matrix]]
tasks = ["gradients/spiral"]
backends = ["torch/dopri5/adjoint", "torch/dopri5/forward", "scipy/dop853/autograd"]
tolerances = [{{ rtol = 1e-5, atol = 1e-5 }}]
dtypes = ["float64"]
options = {{ end = 1.0 }}
solve = {{ first_step = 0.01 }}
measure = ["counting", "accuracy"]

[[matrix]]
tasks = ["gradients/spiral"]
backends = ["torch/dopri5/adjoint"]
tolerances = [{{ rtol = 1e-5, atol = 1e-5 }}]
dtypes = ["float64"]
options = {{ end = 1.0, inert = {INERT} }}
solve = {{ first_step = 0.01 }}
measure = ["counting", "accuracy"]

[[matrix]]
tasks = ["gradients/wall"]
backends = [
  "torch/dopri5/backprop", "torch/dopri5/adjoint", "torch/dopri5/aca", "torch/dopri5/interpolated", "torch/rk4/adjoint",
]
dtypes = ["float64"]
measure = ["counting", "accuracy"]

[[matrix]]
tasks = ["gradients/closure"]
backends = ["torch/dopri5/adjoint"]
dtypes = ["float64"]
solve = {{ checkpoints = 4 }}

[[reference]]
task = "gradients/*"
backends = ["torch/dopri8/backprop", "scipy/dop853/autograd"]
tolerance = {{ rtol = 1e-11, atol = 1e-12 }}

[presets.tiny]
measure = ["counting", "accuracy", "difference"]
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """The records of a suite that uses this one's tasks."""
    home = tmp_path_factory.mktemp("gradients")
    (home / "tiny").mkdir()
    (home / "tiny" / "suite.toml").write_text(TINY)
    done = subprocess.run(
        [sys.executable, "-m", "odebench", "run", "tiny"],
        cwd=home,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return odebench.load_results(home / "results" / "tiny").fillna({"option_inert": 0}).set_index("backend")


@pytest.fixture(scope="module")
def spiral(results):
    return results[(results.task == "gradients/spiral") & (results.option_inert == 0)]


def test_every_cell_ends_well_or_says_why(results):
    """All but the one that asks an adjoint for checkpoints, which is skipped and told what there is."""
    refused = results[results.status != "ok"]
    assert list(refused.task) == ["gradients/closure"]
    assert refused.status.item() == "skipped"
    assert refused.reason.item().startswith("torch/dopri5/adjoint has no option 'checkpoints'; valid: adjoint_atol, ")
    assert not refused.solved_size.notna().any()


def test_the_discrete_maps_gradient(spiral):
    """On equal steps backprop has it, as far as differences can tell; the adjoint's solve backwards has not."""
    for solver in ("rk4", "implicit_midpoint"):
        backprop = spiral.loc[f"torch/{solver}/backprop"]
        assert backprop.discrete_agreement < 1e-5
        assert backprop.discrete_error < backprop.discrete_agreement
    adjoint = spiral.loc["torch/rk4/adjoint"]
    assert 1e-6 < adjoint.discrete_error < 1e-2


def test_solved_sizes(spiral):
    """2D + K of the adjoint, and one more where time is carried; D + D² + KD of the forward sensitivities, and D more
    for those in t0, which every task here asks for; D of backprop."""
    assert spiral.solved_size.to_dict() == {
        "torch/rk4/backprop": D,
        "torch/rk4/adjoint": 2 * D + K,
        "torch/implicit_midpoint/backprop": D,
        "torch/dopri5/adjoint": 2 * D + K,
        "torch/dopri5/forward": D + D * D + K * D + D,
        "scipy/dop853/autograd": 2 * D + K + 1,
    }


def test_what_is_counted(spiral):
    """Equal steps take four evaluations each and as many products; sensitivities take JVPs and nothing
    backwards; an implicit method takes products already forwards."""
    rk4 = spiral.loc["torch/rk4/backprop"]
    assert (rk4.nfe_forward, rk4.nfe_backward, rk4.vjps, rk4.jvps) == (128, 0, 128, 0)
    forward = spiral.loc["torch/dopri5/forward"]
    assert forward.vjps == 0
    assert forward.jvps > forward.nfe_forward
    adjoint = spiral.loc["torch/dopri5/adjoint"]
    assert adjoint.vjps > 0
    assert adjoint.jvps == 0
    implicit = spiral.products_forward > 0
    assert list(spiral.index[implicit]) == ["torch/implicit_midpoint/backprop"]


def test_errors_are_of_the_tolerance(spiral):
    """Against a reference far better than what it judges, for y0, the parameters and the last time alike."""
    judged = spiral[spiral.gradient_error.notna()]
    assert len(judged) == 3
    assert (judged.reference_gradient_agreement < 1e-9).all()
    for part in ("", "_y0", "_parameters", "_t1"):
        assert judged[f"gradient_error{part}"].between(1e-8, 1e-3).all(), part


def test_inert_parameters_change_nothing(results, spiral):
    """The adjoint solves for them, too, and its gradient is no worse for it."""
    plain = spiral.loc["torch/dopri5/adjoint"]
    ((_, inert),) = results[results.option_inert == INERT].iterrows()
    assert inert.solved_size == plain.solved_size + INERT
    assert plain.gradient_error / 3 < inert.gradient_error < 3 * plain.gradient_error


def test_the_wall_is_never_passed(results):
    """A torch backend does not call the field beyond t1, and backwards neither: its gradient would be no number."""
    wall = results[results.task == "gradients/wall"]
    assert len(wall) == 5
    assert (wall.past_end == 0).all()
    assert (wall.gradient_error < 0.01).all()

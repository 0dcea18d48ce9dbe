"""Figure 3 at a tiny size: errors fall with the tolerance, and the trained net is one that has learnt."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import odebench
from odebench.registry import load_registry

SUITES = Path(__file__).parents[3] / "suites"
TINY = """
[presets.tiny]
tasks = ["ivp/spiral"]
backends = ["torch/tsit5/adjoint"]
measure = ["counting", "accuracy", "reconstruction"]
tightest = 1e-6
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """A run of a copy of the suite beside those that it uses, with a preset of one backend; by tolerance."""
    home = tmp_path_factory.mktemp("error_control")
    (home / "suites" / "error_control").mkdir(parents=True)
    for used in ("mnist", "ivp", "gradients"):
        (home / "suites" / used).symlink_to(SUITES / used)
    text = (SUITES / "error_control" / "suite.toml").read_text()
    text = text.replace('presets = ["standard"]', 'presets = ["standard", "tiny"]')
    (home / "suites" / "error_control" / "suite.toml").write_text(text + TINY)
    done = subprocess.run(
        [sys.executable, "-m", "odebench", "run", "error_control", "--preset", "tiny"],
        cwd=home,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return odebench.load_results(home / "results" / "error_control").set_index("rtol").sort_index()


def test_errors_fall_with_the_tolerance(results):
    """And the number of evaluations rises; errors are those of the stored truth, and mean something."""
    assert list(results.index) == [1e-6, 1e-4, 1e-2]
    assert (results.status == "ok").all()
    tight, loose = results.loc[1e-6], results.loc[1e-2]
    assert tight.forward_error < loose.forward_error / 10
    assert tight.gradient_error < loose.gradient_error
    assert tight.nfe_forward > loose.nfe_forward
    assert (results.reference_forward_agreement < results.forward_error).all()


def test_reconstruction_says_what_was_integrated(results):
    """Solved back, a tight solve arrives where it began, and a loose one somewhere else."""
    assert results.reconstruction_error.notna().all()
    assert results.reconstruction_error[1e-6] < 0.05
    assert results.reconstruction_error[1e-2] > 0.1


def test_the_trained_net_has_learnt():
    """Of 300 test images it misclassifies 2.1 % (its README) within what so few images can tell."""
    registry = load_registry((), [SUITES / "mnist"], strict=True)
    adapter = registry.frameworks["torch"].load()("cpu", "float32")
    adapter.activate()
    net = registry.tasks["mnist/odenet"].load()("torch", seed=0, weights="odenet-conv.npz", test_size=300)
    odeint = odebench.backend("torch/dopri5/backprop", rtol=1e-2, atol=1e-2).odeint
    params = adapter.asarray(net.params)
    predict = adapter.forward(lambda params, batch: net.predict(params, batch, odeint))
    found = net.evaluate(lambda batch: adapter.numpy(predict(params, adapter.asarray(batch))))
    assert abs(found["test_error"] - 0.021) < 0.02

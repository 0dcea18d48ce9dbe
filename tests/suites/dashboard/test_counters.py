"""The suite that the dashboard follows: the same problem in both frameworks, and figures that stay."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from asv.config import Config
from asv.step_detect import detect_regressions, detect_steps

from odebench.dashboard.series import series
from odebench.registry import load_registry
from odebench.stored import read_run
from odebench.suite import read_suite
from suites.dashboard.counters.problems import make_spiral, make_vanderpol
from suites.dashboard.replay import SUITE
from suites.dashboard.spiral import statistics

ROOT = Path(__file__).parents[3]


def _euler(f: Any, y0: Any, ts: Any, params: Any) -> Any:
    return f(ts[0], y0, params)


@pytest.mark.parametrize("make", [make_spiral, make_vanderpol])
def test_frameworks_agree(make: Any) -> None:
    """dy/dt at the start, in float64."""
    import jax
    import torch

    found = []
    with jax.enable_x64(True):
        for framework, asarray in (("torch", torch.as_tensor), ("jax", jax.numpy.asarray)):
            task = make(framework, seed=0)
            params = {name: asarray(value) for name, value in task.params.items()}
            found.append(np.asarray(task.predict(params, task.probe(), _euler)))
    assert found[0].dtype == np.float64
    np.testing.assert_allclose(found[0], found[1], rtol=1e-13)


def test_the_suite_measures_no_time() -> None:
    """Nor anything else that a busy machine has a say in."""
    suite = read_suite(SUITE)
    for preset in suite.presets.values():
        assert set(preset.measure) <= {"counting", "accuracy", "memory"}
    registry = load_registry((), [SUITE])
    assert {"counters/spiral", "counters/vanderpol"} <= registry.tasks.keys()


@pytest.mark.slow
def test_counters_are_the_same_twice(tmp_path: Path) -> None:
    """One cell, run twice by the command line: every series of it holds the same figure to the last bit."""
    values = []
    for name in ("a", "b"):
        only = ["--only", "backend=torch/tsit5/backprop", "--results", str(tmp_path / name)]
        subprocess.run([sys.executable, "-m", "odebench", "run", str(SUITE), *only], check=True, capture_output=True)
        (folder,) = (tmp_path / name / "counters").iterdir()
        values.append({key: one.points for key, one in series(read_run(folder).records, {}).items()})
    assert values[0] == values[1]
    assert "counters.vanderpol.gradient_error" in values[0]
    assert not [key for key in values[0] if key.endswith("_s")]


def test_asv_finds_the_benchmarks() -> None:
    """asv's own check of the folder, by the configuration as it is."""
    command = [sys.executable, "-m", "asv", "check", "--python=same"]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert "No problems found." in ended.stdout, ended.stdout + ended.stderr


def test_asv_counters() -> None:
    """What the track_ series are made of, in both frameworks."""
    torch, jax = statistics("torch/tsit5/backprop"), statistics("jax/tsit5/backprop")
    assert int(torch.nfe) == int(jax.nfe) > 0
    assert int(torch.accepted) == int(jax.accepted) > 0


def _threshold(entry: str) -> float:
    """What the project's configuration asks of a step of this series: the largest that fits, as asv takes it."""
    thresholds = Config.load(str(ROOT / "asv.conf.json")).regressions_thresholds
    return max(float(least) for pattern, least in thresholds.items() if re.match(pattern, f"{entry}@main"))


def test_counters_gate() -> None:
    """One evaluation more in 128, at the last of 12 commits, is named with its commit; asv's default would hide it."""
    steps = detect_steps([128.0] * 11 + [129.0])
    found = detect_regressions(steps, _threshold("counters.spiral.nfe_forward('a/b/c', 'd', 'e')"))
    assert found[2] == [(10, 11, 128, 129)]
    assert detect_regressions(steps, 0.05)[2] is None


@pytest.mark.parametrize(
    ("entry", "least"),
    [
        ("native.Spiral.time_solve('torch/dopri5/backprop')", 0.3),
        ("harness.Start.time_help", 0.3),
        ("ivp.pendulum.forward_s('a/b/c', 'd', 'e')", 0.3),
        ("native.Counters.track_nfe('torch/dopri5/backprop')", 0.001),
        ("gradients.field.memory_bytes('a/b/c', 'd', 'e')", 0.001),
    ],
)
def test_times_advise(entry: str, least: float) -> None:
    """What hangs on the clock has a threshold above its noise; what does not, none to speak of."""
    assert _threshold(entry) == least

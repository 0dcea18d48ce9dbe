"""The main job at a tiny size, from the command line, with a solver that the project has never seen."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import odebench

SUITE = Path(__file__).parents[3] / "suites" / "mnist"
FILLED = [
    "test_error", "parameters", "nfe_forward", "vjps", "forward_s", "forward_backward_s", "compile_s", "memory_bytes",
    "gradient_error", "overhead",
]  # fmt: skip
PLUGIN = """
import odebench

@odebench.hookimpl
def odebench_register_solvers(register):
    register(odebench.ExplicitRungeKutta(
        "ssprk3", order=3, c=[0, 1, 1/2], a=[[], [1], [1/4, 1/4]], b=[1/6, 1/6, 2/3]))
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of a copy of the suite in a folder with a space in its name, with a preset of seconds."""
    home = tmp_path_factory.mktemp("with space")
    folder = home / "suites" / "mnist"
    folder.mkdir(parents=True)
    for source in SUITE.iterdir():
        if source.name != "suite.toml":
            (folder / source.name).symlink_to(source)
    text = (SUITE / "suite.toml").read_text().replace("rtol = 1e-7, atol = 1e-7", "rtol = 1e-4, atol = 1e-4")
    text = text.replace('presets = ["quick", ', 'presets = ["tiny", "quick", ')
    tiny = "options = { steps = 3, batch_size = 8, probe_size = 4, test_size = 20, accuracy_size = 1 }"
    (folder / "suite.toml").write_text(f"{text}\n[presets.tiny]\n{tiny}\ntime_budget = 0.1\nmin_samples = 2\n")
    (home / "ssprk3.py").write_text(PLUGIN)
    command = [sys.executable, "-m", "odebench", "run", "suites/mnist", "--preset", "tiny", "--plugin", "ssprk3.py"]
    chosen = ["--backend", "torch/ssprk3/adjoint", "--backend", "jax/ssprk3/backprop", "--backend", "torch"]
    done = subprocess.run(
        [*command, *chosen, "--only", "task=mnist/[mo]*"], cwd=home, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return home / "results" / "mnist", done.stdout


def test_every_column_is_filled(run):
    """Each backend has a finite figure in each of the table's columns, and the file's data give the same table."""
    folder, _ = run
    results = odebench.load_results(folder)
    assert set(results.backend) == {"torch", "torch/ssprk3/adjoint", "jax/ssprk3/backprop"}
    assert (results.status == "ok").all()
    ode = results[results.solver == "ssprk3"]
    assert ode[FILLED].notna().all(axis=None)


def test_frameworks_did_the_same_work(run):
    """Six steps (the suite says) of three stages, whatever the framework; the same parameters, hence the same loss."""
    folder, _ = run
    ode = odebench.load_results(folder).query("solver == 'ssprk3'")
    assert set(ode.nfe_forward) == {18}
    assert set(ode.claimed_nfe) == {18}
    assert ode.loss.max() - ode.loss.min() < 1e-5


def test_show_prints_the_same_table(run):
    """``odebench show`` draws from the files alone what the run printed last."""
    folder, printed = run
    (latest,) = folder.iterdir()
    shown = subprocess.run(
        [sys.executable, "-m", "odebench", "show", str(latest)], capture_output=True, text=True, check=True
    )
    table = shown.stdout.splitlines()[:-1]
    assert "\n".join(table) in printed
    assert max(map(len, table)) <= 120


def test_environment_is_recorded_once(run):
    """Versions, CPU, threads and commit stand beside the records."""
    (latest,) = run[0].iterdir()
    found = json.loads((latest / "environment.json").read_text())
    assert {"python", "cpu", "packages", "git", "flags", "frameworks"} <= set(found)
    assert found["frameworks"]["torch"]["threads"] >= 1
    # What was in force while it was measured, not the frameworks' defaults.
    assert found["frameworks"]["torch"]["cudnn_tf32"] is False
    assert found["frameworks"]["jax"]["matmul_precision"] == "highest"

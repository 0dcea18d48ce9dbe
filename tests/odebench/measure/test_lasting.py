"""Training that lasts, in PyTorch and JAX: what is interrupted, killed or driven too far loses nothing it had."""

from __future__ import annotations

import json
import time

import jax
import numpy as np
import psutil
import pytest

import odebench
from odebench.measure.session import Session
from odebench.measure.training import train
from odebench.plan import Selection, plan
from odebench.registry import load_registry
from odebench.store import Store
from odebench.suite import read_suite

CLOCKS = ("train_s", "first_call_s")
QUICK = "JAX_DISABLE_MOST_OPTIMIZATIONS"  # of what XLA compiles, which runs but once or twice
FRAMEWORKS = pytest.mark.parametrize("framework", ["torch", "jax"])


@pytest.fixture(scope="module", autouse=True)
def _quick():
    before = jax.config.values["jax_disable_most_optimizations"]
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", before)


@pytest.fixture(scope="module")
def cells(support):
    """Sessions of the suite's first preset, by framework and optimizer; each is made once."""
    folder = support / "lasting"
    suite, registry = read_suite(folder), load_registry([str(folder)], strict=True)
    made = {}

    def make(framework, optimizer):
        key = (framework, optimizer)
        if key not in made:
            preset = suite.presets["whole"].model_copy(update={"options": {"steps": 6, "optimizer": optimizer}})
            part = suite.model_copy(update={"presets": {"whole": preset}})
            (cell,) = plan("lasting", part, preset, registry, Selection(only=(f"framework={framework}",)))
            made[key] = Session(cell, registry), Session(cell, registry).params
        session, start = made[key]
        session.adapter.activate()
        session.params = start
        return session

    return make


def trained(session, file, count_every=None):
    """The parameters' and the losses' very bits, and the curve without its clock."""
    curve = []
    train(session, file, 2, lambda text: None, curve.append, count_every)
    params = {name: p.tobytes() for name, p in session.adapter.numpy(session.params).items()}
    return params, [{k: v for k, v in point.items() if k not in CLOCKS} for point in curve]


def interrupted(session, file, at, count_every=None):
    task = session.task
    batch = task.batch

    def raises(step):
        if step == at:
            raise KeyboardInterrupt
        return batch(step)

    task.batch = raises
    try:
        with pytest.raises(KeyboardInterrupt):
            trained(session, file, count_every)
    finally:
        task.batch = batch


@FRAMEWORKS
@pytest.mark.parametrize("optimizer", ["sgd", "adam", "rmsprop"])
def test_resumed_is_uninterrupted_to_the_last_bit(cells, tmp_path, framework, optimizer):
    """Parameters, losses and (of one optimizer) counts, resumed at a step whose rate has changed."""
    count_every = 3 if optimizer == "adam" else None
    whole = trained(cells(framework, optimizer), tmp_path / "a.npz", count_every)
    interrupted(cells(framework, optimizer), tmp_path / "b.npz", 5, count_every)
    assert len(np.load(tmp_path / "b.npz")["losses"]) == 4
    assert trained(cells(framework, optimizer), tmp_path / "b.npz", count_every) == whole
    if count_every:
        assert [point["step"] for point in whole[1]] == [1, 4, 6]
        assert whole[1][-1].keys() >= {"loss", "nfe_forward", "nfe_backward", "vjps", "reconstruction_error"}
        assert whole[1][-1]["memory_bytes"] > 0
        assert whole[1][-1]["loss"] < whole[1][0]["loss"]


def figures(folder):
    """Everything of a run's records but its clocks, and the arrays that its cells left."""
    store = Store(folder)
    return {
        record.config["backend"]: (
            record.hash,
            record.status,
            {k: v for k, v in record.metrics.items() if k not in CLOCKS},
            [{k: v for k, v in point.items() if k not in CLOCKS} for point in record.curve],
            {name: array.tobytes() for name, array in store.outputs(record.hash).items()},
        )
        for record in store.records()
    }


def killed_in(framework, folder, started, *arguments):
    """Run until that framework's training hangs at its sixth step, behind two checkpoints, and kill everything."""
    process = started(folder, *arguments, LASTING_HANGS=f"{framework} 5", **{QUICK: "1"})
    deadline = time.monotonic() + 240
    try:
        while time.monotonic() < deadline and process.poll() is None:
            files = [file for file in folder.glob("*/lasting/*/checkpoints/*.npz") if "partial" not in file.name]
            done = {json.loads(str(np.load(file)["told"]))["step"] for file in files}
            if len(files) == (1 if framework == "torch" else 2) and 4 in done and done <= {4, 6}:
                return
            time.sleep(0.05)
        pytest.fail(f"it did not come so far: {process.communicate() if process.poll() is not None else process.pid}")
    finally:
        family = [*psutil.Process(process.pid).children(recursive=True), process] if process.poll() is None else []
        for one in family[::-1]:
            one.kill()
        process.communicate(timeout=30)
        psutil.wait_procs([one for one in family if one is not process], timeout=30)


@pytest.mark.slow
def test_killed_twice_and_resumed(support, started, tmp_path):
    """SIGKILL in the midst of training in PyTorch, again in JAX: in the end there are the records, curves and arrays
    of a run that nothing befell, and the figures that the clock has no part in are the same to the last bit."""
    arguments = ("run", support / "lasting", "--results")
    killed_in("torch", tmp_path, started, *arguments, "killed")
    (folder,) = tmp_path.glob("killed/lasting/*")
    killed_in("jax", tmp_path, started, "resume", folder)
    for command in (("resume", folder), (*arguments, "whole")):
        process = started(tmp_path, *command, **{QUICK: "1"})
        out, err = process.communicate(timeout=240)
        assert process.returncode == 0, err + out
    (whole,) = tmp_path.glob("whole/lasting/*")
    assert figures(folder) == figures(whole)
    assert len(figures(whole)) == 2


@pytest.mark.slow
def test_a_solve_that_fails_in_training_is_a_record(support, started, tmp_path):
    """A field too fast for ``max_steps``, at the third step: diverged, in either framework, with what was measured
    before the training, and the curve until then."""
    process = started(tmp_path, "run", support / "lasting", "--preset", "stiff", **{QUICK: "1"})
    out, err = process.communicate(timeout=240)
    assert process.returncode == 0, err + out
    (folder,) = tmp_path.glob("results/lasting/*")
    records = {record.config["framework"]: record for record in Store(folder).records()}
    assert set(records) == {"torch", "jax"}
    for record in records.values():
        assert record.status == "diverged"
        assert record.reason.startswith("training step 3 of 6: ")
        assert record.metrics["nfe_forward"] > 0
        assert "test_rmse" not in record.metrics
        assert [point["nfe_forward"] > 0 for point in record.curve[:2]] == [True, True]
    assert "max_steps at t=" in records["torch"].reason
    assert np.isnan(records["jax"].curve[2]["loss"])
    curves = odebench.load_curves(folder)
    assert curves.groupby("framework")["step"].apply(list).to_dict() == {"jax": [1, 2, 3], "torch": [1, 2]}
    counted = curves[curves["step"] < 3]
    told = ["loss", "nfe_forward", "nfe_backward", "train_s", "memory_bytes", "reconstruction_error"]
    assert counted[told].notna().all(axis=None)

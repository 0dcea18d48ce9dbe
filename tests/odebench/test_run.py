"""Whatever becomes of a cell, it ends as a record with its reason, and its rivals as if it had not been there."""

import json
import os
import shutil
import signal
import time

import numpy as np
import psutil
import pytest

from odebench.errors import UserError
from odebench.executor import WorkerFailure
from odebench.messages import Measured
from odebench.plan import Selection
from odebench.record import CellStatus, Record
from odebench.run import Run
from odebench.store import Store
from odebench.suite import Suite

REASONS = {
    "jax": ("skipped", "task toy/line is not written in jax"),
    "faulty/absent/numeric": ("skipped", "not installed: pip install no-such-dist"),
    "faulty/fails/numeric": ("error", "ZeroDivisionError: first line of [red]two[/]"),
    "faulty/hangs/numeric": ("timeout", "time_limit used up: killed "),
    "faulty/exits/numeric": ("crashed", "the worker process ended with exit code 3; its last line: last words"),
    "faulty/segfaults/numeric": ("crashed", "the worker process ended with signal 11"),
    "faulty/dies_late/numeric": ("crashed", "the worker process ended with exit code 4"),
    "faulty/is_nan/numeric": ("diverged", "the loss is nan"),
    "faulty/underflows/numeric": ("diverged", "underflow at t=0.25: the step size fell below the minimum"),
    "faulty/needs_memory/numeric": ("oom", "MemoryError: Unable to allocate 1"),
}
HEALTHY = ("toy/rk4/numeric", "toy/dopri5/numeric")


def by_backend(store):
    return {r.config["backend"]: r for r in store.records() if r.config["task"] != "toy/diverging"}


def test_every_fate_is_a_record_with_its_reason(fates):
    """Real processes that raise, hang, leave, crash, run out of memory or of numbers; in one line each."""
    _, store, _ = fates
    found = {name: (str(r.status), r.reason) for name, r in by_backend(store).items() if r.status != CellStatus.ok}
    assert set(found) == set(REASONS)
    for name, (status, reason) in REASONS.items():
        assert found[name][0] == status
        assert found[name][1].startswith(reason) or reason in found[name][1]
        assert "\n" not in found[name][1]
    (diverging,) = (r for r in store.records() if r.config["task"] == "toy/diverging")
    assert (diverging.status, diverging.reason) == ("diverged", "training step 5 of 10: the loss is inf")
    assert [point["step"] for point in diverging.curve] == [1, 2, 3, 4, 5]
    assert {"forward_s", "memory_bytes", "nfe_forward"} <= diverging.metrics.keys()


def test_healthy_rivals_are_unaffected(fates):
    """Before and after those that fail, in the same group: every pass is made and every figure is right."""
    _, store, _ = fates
    for name in HEALTHY:
        record = by_backend(store)[name]
        assert (record.status, record.reason) == (CellStatus.ok, "")
        assert record.metrics["parameters"] == 1
        assert record.metrics["loss"] == pytest.approx(2 * (np.exp(-1) - np.exp(-2)) ** 2 / 2, rel=1e-5)
        assert all(len(record.samples[kind]) >= 4 for kind in ("forward", "forward_backward"))
        assert record.metrics["forward_error"] < 1e-5
        assert record.metrics["gradient_error"] < 1e-4
        assert record.metrics["reference_gradient_agreement"] < 1e-8
        assert record.metrics["memory_bytes"] == 8
        assert record.metrics["peak_growth_bytes"] >= 0
        assert record.metrics["overhead"] > 0
        assert len(record.curve) == 10
        assert record.seconds > 0


def test_counts_of_the_toy(fates):
    """20 steps of 4 evaluations; a central difference in one parameter takes two more solves and no VJP."""
    _, store, _ = fates
    metrics = by_backend(store)["toy/rk4/numeric"].metrics
    assert (metrics["nfe_forward"], metrics["nfe_backward"], metrics["vjps"]) == (80, 160, 0)
    assert (metrics["claimed_nfe"], metrics["accepted"], metrics["rejected"]) == (80, 20, 0)


def test_the_order_of_records_and_what_was_asked(fates):
    """One record a cell; each file says what its name says; only the frameworks that run are started."""
    ended, store, _ = fates
    assert len(store.records()) == len({r.hash for r in store.records()}) == 14
    assert store.read("run.json")["preset"] == "quick"
    environment = store.read("environment.json")
    assert environment["frameworks"] == {"toy": {"toy": "1.0"}}
    assert environment["packages"]["odebench"]
    assert {file.name for file in (store.folder / "logs").iterdir()} == {"toy-cpu.log", "run.log"}
    assert "reference faulty/fails/numeric for toy/decay: error" in (store.folder / "logs" / "run.log").read_text()
    assert (store.folder / "records.csv").exists()
    assert "Traceback" not in ended.err + ended.out


def test_a_failed_cell_makes_the_exit_code_1_and_is_printed(fates):
    """The table has every cell, and the reason of each that did not end well, with its markup untouched."""
    ended, _, _ = fates
    assert ended.code == 1
    for name, (status, _) in REASONS.items():
        assert f" {name}: {status}: " in ended.out
    assert "ZeroDivisionError: first line of [red]two[/]" in ended.out
    assert "[14/14] " in ended.out


def test_hooks_are_called_for_every_cell(fates):
    """Each starts and then finishes, once, with its status; also those that are skipped."""
    _, store, events = fates
    finished = [event.removeprefix("finished ") for event in events if event.startswith("finished")]
    assert finished == [f"{r.config['task']} {r.config['backend']} {r.status}" for r in store.records()]
    for event in finished:
        name = event.rpartition(" ")[0]
        assert events.index(f"started {name}") < events.index(f"finished {event}")


class Script:
    """Workers that answer from a script, without any process."""

    def __init__(self, answers=None):
        self.asked = []
        self.answers = answers or {}

    def ask(self, framework, device, limit, name, *arguments):
        cell = None if name == "hello" else getattr(arguments[0], "cell", arguments[0])
        self.asked.append((name, cell and cell.backend, cell and cell.seed, cell and cell.rtol, limit))
        answer = self.answers.get((name, cell and cell.backend), self.answers.get(name))
        if isinstance(answer, Exception):
            raise answer
        return answer(cell) if callable(answer) else answer

    ask_fresh = ask

    def start(self, framework, device):
        return None


ANSWERS = {
    "hello": (["cpu"], {}),
    "first_call": {"first_call_s": 1.0},
    "sample": 0.1,
    "measure": Measured({"overhead": 1.0}),
    "peak": {"peak_growth_bytes": 1},
}


@pytest.fixture
def run(tmp_path, registry):
    """Run a matrix with scripted workers; its records and what the workers were asked."""

    def run(cells, answers=None, **changes):
        data = {"title": "", "default_preset": "p", "matrix": [{"tasks": ["x"], "backends": ["y"]}]}
        preset = {"measure": ["timing"], "min_samples": 1, "max_samples": 1} | changes.pop("preset", {})
        suite = Suite.model_validate(data | {"presets": {"p": preset}} | changes)
        workers, store = Script(ANSWERS | (answers or {})), Store(tmp_path)
        session = Run(suite, suite.presets["p"], registry, workers, store)
        session.check_devices(cells)
        session.execute(cells)
        return store.records(), workers.asked

    return run


def test_rivals_take_turns_whatever_else_the_matrix_has(run, make_cells):
    """Cells that differ in the backend alone are timed together, however many tolerances, devices and seeds."""
    cells = make_cells(
        {
            "backends": ["toy/bosh3/numeric", "toy/dopri5/numeric"],
            "tolerances": [{"rtol": 1e-3, "atol": 1e-3}, {"rtol": 1e-6, "atol": 1e-6}],
        },
        preset={"seeds": [0, 1]},
    )
    records, asked = run(cells)
    turns = [(seed, rtol, backend) for name, backend, seed, rtol, _ in asked if name == "sample"]
    for i in range(0, len(turns), 4):
        assert len({turn[:2] for turn in turns[i : i + 4]}) == 1
        assert [turn[2] for turn in turns[i : i + 4]] == ["toy/bosh3/numeric"] * 2 + ["toy/dopri5/numeric"] * 2
    assert len(records) == 8


def test_a_rival_that_fails_while_it_is_timed_is_recorded_at_once(run, make_cells):
    """Its status is the worker's, the other goes on, and it is measured no further."""
    failure = WorkerFailure(CellStatus.oom, "no memory")
    cells = make_cells({"backends": ["toy/rk4/numeric", "toy/dopri5/numeric"]})
    records, asked = run(cells, {("sample", "toy/rk4/numeric"): failure})
    assert [(r.config["backend"], r.status, r.reason) for r in records] == [
        ("toy/rk4/numeric", "oom", "no memory"),
        ("toy/dopri5/numeric", "ok", ""),
    ]
    assert [backend for name, backend, *_ in asked if name == "measure"] == ["toy/dopri5/numeric"]


def test_the_time_limit_is_the_cells_own(run, make_cells):
    """Each request has what the cell's earlier ones left of it, and none what a rival took."""

    def slow(cell):
        time.sleep(0.05)
        return 0.1

    cells = make_cells({"backends": ["toy/rk4/numeric", "toy/dopri5/numeric"]})
    _, asked = run(cells, {("sample", "toy/rk4/numeric"): slow}, preset={"time_limit": 10.0})
    left = {backend: [limit for _, b, _, _, limit in asked if b == backend] for backend in HEALTHY}
    assert left["toy/rk4/numeric"][-1] < 9.9 < left["toy/dopri5/numeric"][-1]
    assert all(limits == sorted(limits, reverse=True) for limits in left.values())


def test_records_are_on_disk_as_cells_finish(run, make_cells, tmp_path):
    """Before the next group of rivals starts."""
    seen = []

    def look(cell):
        seen.append(len(Store(tmp_path).records()))
        return ANSWERS["first_call"]

    run(make_cells(preset={"seeds": [0, 1, 2]}), {"first_call": look})
    assert seen == [0, 1, 2]


@pytest.mark.parametrize(
    ("task", "backends", "message"),
    [
        ("toy/decay", ["toy/dopri8/numeric", "toi/tsit5/numeric"], "unknown library 'toi'; did you mean 'toy'"),
        ("toy/line", ["toy", "toi"], "unknown framework 'toi .a reference of toy/line.'"),
    ],
)
def test_a_reference_that_there_is_not_is_told_before_anything_is_measured(run, make_cells, task, backends, message):
    """It would otherwise end the run after hours."""
    cells = make_cells({"tasks": [task], "backends": ["toy", "toy/rk4/numeric"]})
    measured = {"first_call": AssertionError("something was measured")}
    with pytest.raises(UserError, match=message):
        run(cells, measured, preset={"measure": ["accuracy"]}, reference=[{"task": "*", "backends": backends}])


def test_a_reference_needs_two_methods_that_can_be_had(run, make_cells, tmp_path):
    """With one, the cell has no errors rather than errors against a lone judge; what is missing is passed over."""
    truth = {"prediction": np.ones(2), "gradient/rate": np.ones(1)}
    names = ["faulty/absent/numeric", "toy/dopri8/numeric", "toy/tsit5/numeric", "toy/dopri5/numeric"]
    reference = [{"task": "toy/other", "backends": ["a", "b"]}, {"task": "toy/*", "backends": names}]
    given = {"preset": {"measure": ["accuracy"]}, "reference": reference}
    _, asked = run(make_cells(), {"truth": truth}, **given)
    assert [backend for name, backend, *_ in asked if name == "truth"] == names[1:3]
    assert (tmp_path / "references" / "toy-decay-0.npz").exists()
    lost = {("truth", name): WorkerFailure(CellStatus.diverged, "lost") for name in names[2:]}
    records, asked = run(make_cells(preset={"seeds": [1]}), {"truth": truth} | lost, **given)
    assert [backend for name, backend, *_ in asked if name == "truth"] == names[1:]
    assert not (tmp_path / "references" / "toy-decay-1.npz").exists()
    assert "reference toy/tsit5/numeric for toy/decay: diverged: lost" in (tmp_path / "logs" / "run.log").read_text()
    assert records[-1].status == CellStatus.ok


def test_a_device_that_is_not_there(run, make_cells):
    """Named with those that are, before anything is measured."""
    with pytest.raises(UserError, match="device 'cuda' is not there for toy; valid: cpu"):
        run(make_cells(selection=Selection(devices=("cuda",))))


def test_a_framework_that_does_not_start(run, make_cells):
    """With the reason of its worker."""
    with pytest.raises(UserError, match="toy does not start: no driver"):
        run(make_cells(), {"hello": WorkerFailure(CellStatus.error, "no driver")})


def test_a_listener_that_fails_costs_no_result(run, make_cells, tmp_path, monkeypatch, plugins, support):
    """A plugin's broken hook is logged; the cell ends as it would have."""
    from odebench.registry import load_registry

    monkeypatch.setenv("EVENTS", str(tmp_path / "events"))
    monkeypatch.setenv("EVENTS_FAIL", "toy/dopri5/numeric")
    registry = load_registry([*plugins, str(support / "listener.py")])
    cells = make_cells()
    store = Store(tmp_path)
    suite = Suite.model_validate(
        {
            "title": "",
            "default_preset": "p",
            "presets": {"p": {"measure": []}},
            "matrix": [{"tasks": ["x"], "backends": ["y"]}],
        }
    )
    Run(suite, suite.presets["p"], registry, Script(ANSWERS), store).execute(cells)
    assert [r.status for r in store.records()] == [CellStatus.ok]
    assert (
        "odebench_cell_started failed: RuntimeError: the listener is broken"
        in (tmp_path / "logs" / "run.log").read_text()
    )


def options(plugins):
    return [word for plugin in (plugins[0], plugins[2]) for word in ("--plugin", plugin)]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory, plugins, support, started):
    """The records of a training run that nothing interrupts."""
    folder = tmp_path_factory.mktemp("whole")
    process = started(folder, "run", support / "toysuite", *options(plugins), "--preset", "training", "--results", "r")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "Results: r" in out
    (file,) = folder.glob("r/toysuite/*/records.jsonl")
    return {r.config["backend"]: r for r in Store(file.parent).records()}


@pytest.mark.parametrize("how", ["one process", "process group", "killed"])
def test_interrupted_and_resumed(how, tmp_path, plugins, support, started, command, monkeypatch, uninterrupted):
    """Interrupted while a cell hangs: 130 at once, what was finished is kept and in tables, no worker is left. Killed,
    nothing can be tidied up. Resumed: the rest runs, training goes on from its checkpoint, and every figure is as if
    never interrupted.
    """
    arguments = ("run", support / "toysuite", *options(plugins), "--preset", "training")
    process = started(tmp_path, *arguments, group=True, TOY_HANGS_AT="7")
    checkpoint = None
    deadline = time.monotonic() + 60
    while checkpoint is None and time.monotonic() < deadline and process.poll() is None:
        found = [
            len(np.load(file)["losses"])
            for file in tmp_path.glob("results/*/*/checkpoints/*.npz")
            if "partial" not in file.name
        ]
        checkpoint = next((step for step in found if step == 6), None)
        time.sleep(0.05)
    assert checkpoint == 6
    children = psutil.Process(process.pid).children(recursive=True)
    assert children
    if how == "killed":
        process.kill()
        for child in children:  # a worker ends with its parent as soon as it has something to tell; this one hangs
            child.kill()
        process.communicate(timeout=30)
    else:
        (os.killpg if how == "process group" else os.kill)(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=30)
        assert process.returncode == 130
        assert "Traceback" not in out + err
    assert psutil.wait_procs(children, timeout=10)[1] == []

    (file,) = tmp_path.glob("results/toysuite/*/records.jsonl")
    store = Store(file.parent)
    assert [r.config["task"] for r in store.records()] == ["toy/line"]
    assert (file.parent / "records.parquet").exists() == (how != "killed")
    line = file.read_text()

    monkeypatch.chdir(tmp_path)
    resumed = command("resume", file.parent)
    assert resumed.code == 0
    assert file.read_text().startswith(line)
    assert len(file.read_text().splitlines()) == 3
    assert {r.config["backend"]: (r.hash, r.curve) for r in store.records()} == {
        name: (r.hash, r.curve) for name, r in uninterrupted.items()
    }
    for record in store.records():
        expected = uninterrupted[record.config["backend"]].metrics
        for name in ("train_loss", "train_steps", "loss"):
            assert record.metrics[name] == expected[name]
    assert json.loads((file.parent / "environment.json").read_text())["frameworks"] == {"toy": {"toy": "1.0"}}


def test_a_timeout_keeps_what_was_measured(tmp_path, plugins, support, command, monkeypatch):
    """Killed in the midst of training: the metrics of before, the curve until then, and the checkpoint, from which the
    time limit of a resumed run is enough."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOY_HANGS_AT", "7")
    arguments = [*options(plugins), "--preset", "short", "--only", "backend=toy/rk4/*"]
    ended = command("run", support / "toysuite", *arguments)
    assert ended.code == 0
    (late,) = Store(ended.folder).records()
    assert late.status == CellStatus.timeout
    assert late.metrics["nfe_forward"] == 80
    assert late.metrics["parameters"] == 1
    assert "learned_rate" not in late.metrics
    assert [point["step"] for point in late.curve] == list(range(1, 8))
    monkeypatch.delenv("TOY_HANGS_AT")
    assert command("resume", ended.folder).code == 0
    (done,) = Store(ended.folder).records()
    assert done.status == CellStatus.ok
    assert done.curve[:7] == late.curve
    assert done.metrics["learned_rate"] > 1.5
    assert "anew" not in (ended.folder / "logs" / "toy-cpu.log").read_text()


def test_training_finds_the_known_answer(uninterrupted):
    """The line is at the target of its recursion; the decay has learned most of its rate; the loss went down."""
    decay = uninterrupted["toy/dopri5/numeric"]
    assert decay.metrics["learned_rate"] == pytest.approx(2.0, abs=0.3)
    assert decay.curve[-1]["loss"] < decay.curve[0]["loss"] / 10
    assert decay.metrics["learned_rate"] == pytest.approx(
        uninterrupted["toy/rk4/numeric"].metrics["learned_rate"], rel=1e-4
    )


def test_resume_keeps_what_was_measured_and_tries_the_rest_again(fates, command, tmp_path):
    """Cells that ended ok or diverged are not run again; those that failed are, and the exit code says how they end."""
    store = Store(shutil.copytree(fates[1].folder, tmp_path / "copy"))
    before = store.read("environment.json")
    records = [Record.from_dict(json.loads(line)) for line in (store.folder / "records.jsonl").read_text().splitlines()]
    assert command("resume", store.folder).code == 1
    lines = (store.folder / "records.jsonl").read_text().splitlines()
    again = [Record.from_dict(json.loads(line)) for line in lines[len(records) :]]
    measured = {r.hash for r in records if r.status in (CellStatus.ok, CellStatus.diverged)}
    assert measured
    assert {r.hash for r in again} == {r.hash for r in records} - measured
    assert store.read("environment.json") == before
    assert store.read("environment-2.json")["frameworks"]

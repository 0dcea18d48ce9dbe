"""Runs in asv's result files, read back by asv itself."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from asv.benchmarks import Benchmarks
from asv.config import Config
from asv.machine import Machine
from asv.results import Results, iter_results
from click.testing import CliRunner, Result

from odebench.cli.asv import asv
from odebench.errors import UserError
from odebench.stored import StoredRun
from tests.odebench.dashboard.conftest import FACTS, History, record

MACHINE = "a-processor-9000-4-cores"
NAME = "s.spiral.nfe_forward"


def export(*arguments: str | Path | StoredRun) -> Result:
    """``odebench asv export``; what the user did wrong is raised."""
    words = [str(one.folder if isinstance(one, StoredRun) else one) for one in arguments]
    return CliRunner().invoke(asv, ["export", *words], catch_exceptions=False)


def refused(*arguments: str | Path | StoredRun) -> str:
    """What the user is told, once nothing was written."""
    with pytest.raises(UserError) as error:
        export(*arguments)
    assert not Path("asv").exists()
    return str(error.value)


def stored(folder: str = "asv") -> list[Results]:
    """The result files that asv finds."""
    return list(iter_results(folder))


def files(folder: str = "asv") -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}


def test_asv_reads_it(history: History) -> None:
    """Commit, date, machine, facets, parameters and values, each by asv's own classes; twice the same is the same."""
    commit = history.commit()
    cells = [record(), record("jax/tsit5/backprop", "diverged"), record("a/b/c", "skipped"), record(rtol=1e-3)]
    run = history.run(*cells, commit=commit)
    assert export(run).output.splitlines()[0].endswith(": 1 series")
    before = files()
    assert "nothing new" in export(run).output
    assert files() == before

    (results,) = stored()
    benchmarks = Benchmarks.load(Config.load())
    assert results.commit_hash == commit
    assert results.date == 1000 * int(history.git("show", "-s", "--format=%at", commit))
    assert results.params == {"machine": MACHINE, "cpu": FACTS["cpu"], "python": "3.11", "torch": "2.13.0",
                              "jax": "0.10.2", "device": "cpu"}  # fmt: skip
    assert results.get_result_keys(benchmarks) == {NAME}
    benchmark = benchmarks[NAME]
    assert (benchmark["unit"], benchmark["type"]) == ("evaluations", "track")
    assert benchmark["param_names"] == ["backend", "accuracy", "configuration"]
    assert benchmark["params"] == [["'jax/tsit5/backprop'", "'torch/dopri5/adjoint'"],
                                   ["'rtol 1e-06, atol 1e-08'", "'rtol 0.001, atol 1e-08'"], ["'float64'"]]  # fmt: skip
    values = results.get_result_value(NAME, benchmark["params"])
    assert [value if value is None else str(value) for value in values] == [None, "nan", "20", "20"]
    machine = Machine.load(machine_name=MACHINE, _path=str(machines(Path("asv"))))
    assert (machine.num_cpu, machine.ram, machine.os, machine.arch) == ("4", "16 GB", "Linux", "x86_64")


def machines(results: Path) -> Path:
    """asv's list of machines, of the one that was exported."""
    told = json.loads((results / MACHINE / "machine.json").read_text())
    path = results / "machines.list"
    path.write_text(json.dumps({MACHINE: told, "version": 1}))
    return path


def test_times_have_asv_statistics(history: History) -> None:
    """asv weighs a time by its interval."""
    samples = [float(n) for n in range(1, 12)]
    run = history.run(record(metrics={"forward_s": 6.0}, samples={"forward": samples}), commit=history.commit())
    export(run)
    (stats,) = stored()[0].get_result_stats("s.spiral.forward_s", [["'torch/dopri5/adjoint'"],
                                            ["'rtol 1e-06, atol 1e-08'"], ["'float64'"]])  # fmt: skip
    assert stats == {"ci_99_a": 1.0, "ci_99_b": 11.0, "q_25": 3.5, "q_75": 8.5, "number": 1, "repeat": 11}


def test_merges(history: History) -> None:
    """Two runs of a commit are in one file; a cell that is not in the second keeps its value."""
    commit = history.commit()
    export(history.run(record(), record("a/b/c", metrics={"nfe_forward": 7}), commit=commit))
    export(history.run(record(metrics={"nfe_forward": 21}), record(task="s/other"), commit=commit))
    (results,) = stored()
    params = [["'a/b/c'", "'torch/dopri5/adjoint'"], ["'rtol 1e-06, atol 1e-08'"], ["'float64'"]]
    assert results.get_result_value(NAME, params) == [7, 21]
    assert set(results.get_all_result_keys()) == {NAME, "s.other.nfe_forward"}


def test_what_asv_ran_itself_stays(history: History) -> None:
    """An export keeps its benchmarks; where it dropped ours from its list, an export of nothing brings them back."""
    commit = history.commit()
    export(history.run(record(), commit=commit))
    own = {"name": "native.time_solve", "params": [], "param_names": [], "unit": "seconds", "version": "1",
           "type": "time", "code": "pass", "timeout": 60.0}  # fmt: skip
    Path("asv/benchmarks.json").write_text(json.dumps({"native.time_solve": own, "version": 2}))
    (mine,) = Path("asv").glob("*/*-odebench-*.json")
    data = json.loads(mine.read_text())
    data["results"]["native.time_solve"] = [[0.25], [], "1"]
    mine.write_text(json.dumps(data))

    export()
    export(history.run(record(metrics={"vjps": 3}), commit=commit))
    benchmarks = Benchmarks.load(Config.load())
    assert set(benchmarks) == {"native.time_solve", NAME, "s.spiral.vjps"}
    (results,) = stored()
    assert results.get_result_keys(benchmarks) == set(benchmarks)
    assert results.get_result_value("native.time_solve", []) == [0.25]


def test_what_is_removed_is_forgotten(history: History) -> None:
    """A series of which no file is left is named no more: its page would be empty."""
    export(history.run(record(), commit=history.commit()))
    export(history.run(record(task="s/other"), commit=history.commit()))
    next(path for path in Path("asv").glob("*/*-odebench-*.json") if "s.other" in path.read_text()).unlink()
    export()
    assert set(Benchmarks.load(Config.load())) == {NAME}


def test_version_of_the_task(history: History) -> None:
    """A run of a changed task begins a new series, whichever is exported first; one that does not tell is in any."""
    runs = [
        history.run(record(metrics={"nfe_forward": 10.0 * n}), commit=history.commit(), **tasks)
        for n, tasks in enumerate([{"tasks": {"s/spiral": "old"}}, {}, {"tasks": {"s/spiral": "new"}}])
    ]
    export(*reversed(runs))
    benchmarks = Benchmarks.load(Config.load())
    assert benchmarks[NAME]["version"] == "new"
    shown = {r.commit_hash for r in stored() if NAME in r.get_result_keys(benchmarks)}
    assert shown == {run.environment["odebench_git"]["commit"] for run in runs[1:]}


def test_devices_and_versions_are_apart(history: History) -> None:
    """A facet of a page each: a file a device and version of a framework."""
    commit = history.commit()
    export(history.run(record(), record(device="cuda"), commit=commit))
    export(history.run(record(), commit=commit, packages={"torch": "2.14.0"}))
    assert sorted((r.params["device"], r.params["torch"], r.params.get("jax")) for r in stored()) == [
        ("cpu", "2.13.0", "0.10.2"),
        ("cpu", "2.14.0", None),
        ("cuda", "2.13.0", "0.10.2"),
    ]


def test_runs_without_a_commit_are_refused(history: History) -> None:
    """Dirty, unknown, or of another repository: said before anything is written, and mended by --commit."""
    commit = history.commit()
    good, dirty = history.run(record(), commit=commit), history.run(record(), commit=commit, dirty=True)
    assert f"was made of {commit[:8]} with changes that are in no commit" in refused(good, dirty)
    assert "does not say of which commit it is; say it with --commit" in refused(history.run(record(), commit=""))
    assert refused(history.run(record(), commit="0" * 40)) == f"the git repository of repo has no commit {'0' * 40}"
    assert "has no commit --help" in refused(dirty, "--commit", "--help")
    export(dirty, "--commit", "HEAD")
    assert stored()[0].commit_hash == commit


@pytest.mark.parametrize(
    ("key", "value"),
    [("memory_bytes", "much"), ("packages", None), ("tasks", ["s/spiral"]), ("python", 3), ("odebench_git", "main")],
)
def test_a_damaged_environment_is_named(history: History, key: str, value: object) -> None:
    """The file and the key are said, and nothing is written."""
    run = history.run(record(), commit=history.commit(), **{key: value})
    assert f"environment.json: {key}" in refused(run)


def test_hostile_names(history: History) -> None:
    """A processor and a version are no path, however long; and nothing is HTML, for asv's page escapes none."""
    names = {"cpu": "../../<script> \N{SNOWMAN} " + 10_000 * "x", "packages": {"torch": "/<b>" + 10_000 * "2"}}
    cell = record("<img src=x>/\"'/b", task="s/../<b>", options={"<i>": "&lt;"})
    export(history.run(cell, commit=history.commit(), **names))
    (results,) = stored()
    assert set(results.get_all_result_keys()) == {"s....‹b›.nfe_forward"}
    assert not [name for name, text in files().items() if re.search(rb"<\w|&lt", text)]


def test_output_elsewhere(history: History) -> None:
    """``--output`` needs no configuration; without one and without the other there is nowhere to write."""
    run = history.run(record(), commit=history.commit())
    Path("asv.conf.json").write_text('{"results_dir": ')
    assert "not a valid configuration of asv" in refused(run)
    Path("asv.conf.json").unlink()
    assert refused(run) == "there is no asv.conf.json here or above; say where to write with --output"
    export(run, "--output", "elsewhere")
    assert len(stored("elsewhere")) == 1


@pytest.mark.parametrize("text", ["{", "[]", '{"results": {}}', '{"results": 1, "result_columns": []}'])
def test_damaged_files_are_named(history: History, text: str) -> None:
    """What is no result file is left as it is, and named."""
    run = history.run(record(), commit=history.commit())
    export(run)
    (file,) = Path("asv").glob("*/*-odebench-*.json")
    file.write_text(text)
    with pytest.raises(UserError, match=file.name.replace("+", r"\+")):
        export(run)
    assert file.read_text() == text


def test_committed_runs(tmp_path: Path) -> None:
    """Real runs of several suites: asv loads every series, and each value is the record's own."""
    folder = Path(__file__).parents[3] / "results" / "ivp" / "reference-quick-cpu"
    CliRunner().invoke(asv, ["export", str(folder), "-o", str(tmp_path)], catch_exceptions=False)
    (results,) = stored(str(tmp_path))
    told: dict[str, Any] = json.loads((tmp_path / "benchmarks.json").read_text())
    name = "ivp.pendulum.nfe_forward"
    values = results.get_result_value(name, told[name]["params"])
    records = [json.loads(line) for line in (folder / "records.jsonl").read_text().splitlines()]
    counts = [r["metrics"]["nfe_forward"] for r in records
              if r["config"]["task"] == "ivp/pendulum" and r["status"] == "ok"]  # fmt: skip
    assert sorted(v for v in values if v is not None and not math.isnan(v)) == sorted(counts)
    assert len(counts) > 10


def test_publish(history: History) -> None:
    """``asv publish`` finds a step that was planted in the history, at its commit."""
    for n in range(12):
        nfe = 20 if n < 8 else 24
        export(history.run(record(metrics={"nfe_forward": nfe}), commit=history.commit()))
    command = [sys.executable, "-m", "asv", "publish"]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "network" not in ended.stdout + ended.stderr
    index = json.loads(Path("html/index.json").read_text())
    assert index["params"]["torch"] == ["2.13.0"]
    assert len(index["revision_to_hash"]) == 12
    (regression,) = json.loads(Path("html/regressions.json").read_text())["regressions"]
    assert regression[0].startswith(NAME)
    ((_, revision, before, after),) = regression[-1]
    assert (before, after) == (20, 24)
    assert index["revision_to_hash"][str(revision)] == history.git("rev-parse", "HEAD~3")

"""``odebench plot --kind``: the pictures that suites and plugins register, and what may be wrong with them."""

import shutil

import numpy as np
import pytest

from odebench.record import CellStatus, Record
from odebench.store import Store

SUITE = """
title = "Drawn"
default_preset = "p"
matrix = [{tasks = ["drawn/*"], backends = ["torch"]}]
presets.p = {}
"""
PLUGIN = """
import odebench

@odebench.hookimpl
def odebench_register_figures(register):
    for name, tasks, title in (
        ("samples", "drawn/*", "Samples beside data"),
        ("raises", "drawn/*", "It raises"),
        ("returns", "drawn/*", "It returns an array"),
        ("absent", "drawn/*", "Its code is not there"),
        ("other", "other/*", "Of tasks that did not run"),
    ):
        register(odebench.Figure(name=f"drawn/{name}", code=f".figures:{name}", tasks=tasks, title=title))
    register(odebench.Figure(
        name="drawn/needy", code=".figures:samples", tasks="*", title="It needs", requires=("no-such-dist",)))
"""
FIGURES = """
from matplotlib.figure import Figure

def samples(records, outputs):
    figure = Figure()
    ax = figure.subplots()
    for record in records:
        ax.plot(outputs(record)["samples"], label=f"{record.config['task']} {record.config['backend']}")
    ax.legend()
    return figure

def raises(records, outputs):
    return {}[records[0].row]

def returns(records, outputs):
    return outputs(records[0])
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A run of a suite with pictures: two cells that ended well and left an array, one that did not."""
    monkeypatch.chdir(tmp_path)
    suite = tmp_path / "suites" / "drawn"
    suite.mkdir(parents=True)
    for name, text in (("suite.toml", SUITE), ("__init__.py", PLUGIN), ("figures.py", FIGURES)):
        (suite / name).write_text(text)
    request = {"suite": str(suite), "preset": "p", "plugins": [], "strict": False, "selection": {}}
    store = Store.create(tmp_path / "results", "drawn", request)
    for task, backend, status in (
        ("drawn/one", "torch", CellStatus.ok),
        ("drawn/two", "jax", CellStatus.ok),
        ("drawn/three", "torch", CellStatus.timeout),
    ):
        config = {"suite": "drawn", "task": task, "backend": backend, "device": "cpu", "dtype": "float64", "seed": 0}
        store.append(Record(config | {"options": {}}, task[6:], "a row", status))
        store.keep_outputs(task[6:], {"samples": np.arange(3.0)})
    return store.folder


def test_a_picture_is_drawn_of_what_ended_well(run, command):
    """In the run's folder, under its name; the same twice."""
    ended = command("plot", run, "--kind", "drawn/samples")
    file = run / "drawn-samples.svg"
    assert (ended.code, ended.out, ended.err) == (0, f"{file}\n", "")
    text = file.read_text()
    assert "<!-- drawn/one torch -->" in text
    assert "<!-- drawn/two jax -->" in text
    assert "drawn/three" not in text
    command("plot", run, "--kind", "drawn/samples")
    assert file.read_text() == text


def test_pictures_are_listed(run, command):
    """Those that this run has records for, with what is to be seen; no code of theirs is imported."""
    (run.parents[2] / "suites" / "drawn" / "figures.py").write_text("1 / 0")
    ended = command("plot", run, "--kind", "list")
    assert ended.code == 0
    assert "drawn/samples  Samples beside data\n" in ended.out
    assert "drawn/other" not in ended.out


def test_globs(run, command, tmp_path):
    """Of tasks and of backends, as with other pictures."""
    file = tmp_path / "x.svg"
    for option, glob in (("--task", "*/two"), ("--backend", "jax")):
        assert command("plot", run, "--kind", "drawn/samples", option, glob, "-o", file).code == 0
        assert "drawn/two jax" in file.read_text()
        assert "drawn/one" not in file.read_text()


@pytest.mark.parametrize(("ending", "magic"), [("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?xml")])
def test_formats(run, command, tmp_path, ending, magic):
    """By the file's ending."""
    file = tmp_path / f"picture.{ending}"
    assert command("plot", run, "--kind", "drawn/samples", "-o", file).code == 0
    assert file.read_bytes().startswith(magic)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["drawn/sample"], "unknown kind of picture 'drawn/sample'; did you mean 'drawn/samples'? valid: "),
        (["drawn/other"], "unknown kind of picture 'drawn/other'; "),
        (["drawn/samples", "--backend", "numpy"], "--backend numpy matches nothing; valid: jax, torch"),
        (["drawn/samples", "--output", "x"], "--output x: its ending says the format, as in x.svg"),
        (["drawn/samples", "--output", "x.docx"], "--output x.docx: Format 'docx' is not supported"),
        (["drawn/samples", "--output", "absent/x.svg"], "--output absent/x.svg: No such file or directory"),
        (["drawn/samples", "--x", "rtol"], "--kind says what is drawn: without --x and --y"),
        (["drawn/raises"], "picture drawn/raises of plugin drawn failed: KeyError: 'a row' ("),
        (["drawn/returns"], "picture drawn/returns of plugin drawn failed: TypeError: it returned a dict and no "),
        (["drawn/absent"], "picture drawn/absent of plugin drawn failed: AttributeError: module "),
        (["drawn/needy"], "drawn/needy is not installed: pip install no-such-dist"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(run, command, arguments, message, tmp_path):
    """With what there is, or whose fault it is and where; 2, and no picture."""
    ended = command("plot", run, "--kind", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"Error: {message}")
    assert "Traceback" not in ended.err
    assert not list(tmp_path.rglob("*.svg"))
    if arguments == ["drawn/raises"]:
        assert "figures.py:13)" in ended.err


def test_a_run_whose_arrays_were_not_kept(run, command):
    """As of one that was committed without them: a picture that needs them says so."""
    shutil.rmtree(run / "outputs")
    ended = command("plot", run, "--kind", "drawn/samples")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.endswith("; the arrays that the tasks left for pictures are not in this run\n")


def test_one_run_at_a_time(run, command):
    """A picture of a suite's own is of one run."""
    other = shutil.copytree(run, run.with_name("other"))
    ended = command("plot", run, other, "--kind", "drawn/samples")
    assert ended.code == 2
    assert "'drawn/samples' is no chart of these runs, and a suite's own picture is of one" in ended.err


def test_a_suite_that_has_gone(run, command, tmp_path):
    """Its pictures have gone with it, which is said beside the charts that are left."""
    shutil.rmtree(tmp_path / "suites")
    ended = command("plot", run, "--kind", "list")
    assert (ended.code, ended.out) == (0, "nothing: no chart and no picture has anything to show of what ended well\n")
    assert ended.err.endswith("suites/drawn is not here, and its pictures are drawn by it\n")
    assert command("plot", run, "--kind", "drawn/samples").code == 2


def test_a_suite_without_pictures(run, command, tmp_path):
    """Is said to have none, and none is valid."""
    (tmp_path / "suites" / "drawn" / "__init__.py").write_text("")
    assert command("plot", run, "--kind", "list").out.startswith("nothing: no chart and no picture")

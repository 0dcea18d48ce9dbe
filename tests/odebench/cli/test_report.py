"""``odebench report``: what it writes, where, and how it ends, whatever it is given."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import webbrowser

import pytest
from click.testing import CliRunner

from odebench.cli import cli
from odebench.cli.report import FORMATS
from odebench.record import CellStatus, Record

REQUEST = {
    "suite": "suites/s",
    "preset": "quick",
    "plugins": [],
    "strict": False,
    "selection": {},
    "command": ["odebench", "run", "suites/s", "--only", "row=ODE*"],
}


def record(i, status=CellStatus.ok):
    config = {
        "suite": "s", "task": "t/one", "backend": f"torch/s{i}/adjoint", "framework": "torch", "library": "torch",
        "solver": f"s{i}", "gradient": "adjoint", "device": "cpu", "dtype": "float64", "rtol": 1e-3, "atol": 1e-3,
        "num_steps": None, "seed": 0, "options": {}, "solve": {},
    }  # fmt: skip
    metrics = {"nfe_forward": 10.0 + i, "forward_error": 1e-3, "new_metric": 2.0} if status == "ok" else {}
    return Record(config, f"{i:012x}", f"Row {i}", status, "" if status == "ok" else "its reason", metrics=metrics)


def lines(records):
    return "".join(json.dumps(record.to_dict()) + "\n" for record in records)


@pytest.fixture
def make(tmp_path, monkeypatch):
    """A run's folder below the working directory; other lines in place of its records."""
    monkeypatch.chdir(tmp_path)

    def made(name="run", records=None, cells=2, **request):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "run.json").write_text(json.dumps(REQUEST | {"cells": cells} | request))
        (folder / "records.jsonl").write_text(lines([record(0), record(1)]) if records is None else records)
        return folder.relative_to(tmp_path)

    return made


def test_a_page_in_the_runs_folder(make, command):
    """By default, named on the terminal; nothing is said on stderr, and 0."""
    run = make()
    ended = command("report", run)
    assert (ended.code, ended.out, ended.err) == (0, "run/report.html\n", "")
    page = (run / "report.html").read_text()
    assert page.startswith("<!doctype html>")
    assert "odebench run suites/s --only &#39;row=ODE*&#39;" in page


def test_the_records_file_and_another_output(make, command, tmp_path):
    """What tab completion ends on; nothing is written beside the run then."""
    run = make()
    before = set(run.iterdir())
    ended = command("report", run / "records.jsonl", "-o", "other.html")
    assert (ended.code, ended.out) == (0, "other.html\n")
    assert "torch/s1/adjoint" in (tmp_path / "other.html").read_text()
    assert set(run.iterdir()) == before


@pytest.mark.parametrize("form", [form for form in FORMATS if form != "html"])
def test_text(make, command, form, tmp_path):
    """To the terminal, where it can be piped, or to a file; the same."""
    run = make()
    shown = command("report", run, "--format", form)
    assert (shown.code, shown.err) == (0, "")
    assert "s1" in shown.out
    assert command("report", run, "--format", form, "-o", "out.txt").out == "out.txt\n"
    assert (tmp_path / "out.txt").read_text() == shown.out
    assert not (run / "report.html").exists()


def test_several_runs(make, command, tmp_path):
    """On one page, whose place must be said."""
    runs = [make("one"), make("two")]
    ended = command("report", *runs)
    assert (ended.code, ended.err) == (2, "Error: several runs in one page: say where, with --output FILE\n")
    assert command("report", *runs, "-o", "both.html").code == 0
    page = (tmp_path / "both.html").read_text()
    assert "s/one" in page
    assert "s/two" in page


def test_runs_of_one_name(make, command, tmp_path):
    """Are told apart by their folders, in the charts too; one that is given twice is there once."""
    runs = []
    for above in ("a", "b"):
        (tmp_path / above).mkdir()
        runs.append(make(f"{above}/run"))
    shown = command("report", *runs, runs[0], "--format", "markdown").out
    assert shown.startswith("## odebench: a/run, b/run\n")
    assert shown.count("**a/run**") == shown.count("**b/run**") == 1
    assert len([line for line in shown.splitlines() if line.startswith("| a/run | Row ")]) == 2
    assert command("report", *runs, "-o", "page.html").code == 0
    assert "torch/s0/adjoint b/run" in (tmp_path / "page.html").read_text()


@pytest.mark.parametrize(
    ("records", "cells", "note"),
    [
        (lines([record(0)]), 2, "unfinished: 1 of 2 cells; go on with: odebench resume run"),
        (lines([record(0), record(1)]) + '{"config": {"ta', 2, "1 lines of its records are damaged, and left out"),
        (lines([record(0, CellStatus.timeout)]), 1, "no cell ended well: 1 timeout"),
        ("", 0, "no cell ended well: there is no record"),
    ],
)
@pytest.mark.parametrize("form", FORMATS)
def test_a_run_to_be_read_with_care(make, command, records, cells, note, form):
    """Half written, damaged, or without a cell that ended well: 1, said on stderr, and in the page's head; what there
    is is shown."""
    run = make(records=records, cells=cells)
    ended = command("report", run, "--format", form)
    assert (ended.code, ended.err) == (1, f"Warning: s/run: {note}\n")
    if form == "html":
        page = (run / "report.html").read_text()
        assert note in page.partition('<section id="runs">')[0]
        assert ("its reason" in page) == ("timeout" in records)


DAMAGED = [
    {"metrics": {"nfe_forward": None}}, {"metrics": {"nfe_forward": "10"}}, {"metrics": {"nfe_forward": 10**400}},
    {"metrics": [1]}, {"curve": {"step": 1}}, {"curve": [[1]]}, {"samples": 1}, {"row": 3},
    *({"config": record(0).config | wrong} for wrong in (
        {"task": 1}, {"backend": 2}, {"rtol": "1e-3"}, {"options": [1]}, {"solve": 7}, {"num_steps": 10**400},
    )),
]  # fmt: skip


@pytest.mark.parametrize("wrong", DAMAGED)
@pytest.mark.parametrize("form", FORMATS)
def test_a_record_of_the_wrong_types_is_a_note(make, command, wrong, form):
    """Left out and said, the others shown; only a number that is too long is no damage: it is infinite."""
    damaged = json.dumps(record(0).to_dict() | wrong) + "\n"
    ended = command("report", make(records=lines([record(1)]) + damaged, cells=1), "--format", form)
    infinite = wrong.get("metrics") == {"nfe_forward": 10**400}
    note = "Warning: s/run: 1 lines of its records are damaged, and left out\n"
    assert (ended.code, ended.err) == ((0, "") if infinite else (1, note))


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("text", ["[]", '"text"', "{", '{"cpu": [], "packages": 3, "git": "x", "memory_bytes": 1e400}'])
def test_an_environment_of_another_kind(make, command, form, text):
    """Says so where it is none; the rest of the report is as it was."""
    run = make()
    (run / "environment.json").write_text(text)
    ended = command("report", run, "--format", form)
    known = text.startswith('{"')
    assert ended.code == (0 if known else 1)
    assert known or "where it was made is not known: run/environment.json: no" in ended.err


@pytest.mark.parametrize(
    "wrong", [{"cells": "2"}, {"suite": 1}, {"command": [1, 2]}, {"columns": [[1]]}, {"fits": ["x"]}, {"preset": []}]
)
def test_a_request_of_the_wrong_types(make, command, wrong):
    """2, and the file and its key are named."""
    ended = command("report", make(**wrong))
    key = next(iter(wrong))
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"Error: run/run.json does not say what was asked for: {key}")


def test_the_others_are_written_though_one_cannot_be_read(make, command, tmp_path):
    """2, and each that is no run, or of a newer schema, is named, on stderr and on the page."""
    run, newer = make(), make("newer", '{"schema": 99}\n')
    ended = command("report", run, newer, "nowhere", "-o", "page.html")
    assert (ended.code, ended.out) == (2, "page.html\n")
    said = ["newer/records.jsonl is of schema 99; this odebench reads up to 1: upgrade it", "nowhere is no run; "]
    assert len(ended.err.splitlines()) == 2
    assert all(f"Error: {words}" in ended.err for words in said)
    top = (tmp_path / "page.html").read_text().partition('<section id="runs">')[0]
    assert all(words in top for words in said)


def test_nothing_is_written_where_there_is_no_run(make, command, tmp_path):
    """Neither is a page that was there before touched."""
    newer = make("newer", '{"schema": 99}\n')
    (newer / "report.html").write_text("before")
    ended = command("report", newer)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("Error: newer/records.jsonl is of schema 99")
    assert (newer / "report.html").read_text() == "before"
    assert command("report", "nowhere", "-o", "page.html").code == 2
    assert not (tmp_path / "page.html").exists()


def test_unknown_columns_and_metrics_are_no_error(make, command):
    """A column that nobody has is left out, a metric that nobody knows is shown."""
    run = make(columns=["nfe_forward", "new_metric", "absent_metric"])
    assert command("report", run).code == 0
    page = (run / "report.html").read_text()
    assert "new metric" in page
    assert "absent" not in page


def test_an_unwritable_place(make, command, tmp_path):
    """Is said in a line."""
    ended = command("report", make(), "-o", "absent/page.html")
    assert (ended.code, ended.err) == (2, "Error: cannot write absent/page.html: No such file or directory\n")
    assert command("report", "run", "-o", tmp_path).err == f"Error: cannot write {tmp_path}: Is a directory\n"


def test_open(make, command, monkeypatch, tmp_path):
    """The file that was written, in the system's browser; where there is none, that is said, and no failure."""
    opened = []
    monkeypatch.setattr(webbrowser, "open", lambda uri: opened.append(uri) or len(opened) == 1)
    run = make()
    assert command("report", run, "--open").err == ""
    assert opened == [(tmp_path / "run" / "report.html").as_uri()]
    ended = command("report", run, "--open")
    assert (ended.code, ended.err) == (0, "there is nothing here to open run/report.html with\n")
    assert (
        command("report", run, "--open", "--format", "csv").err
        == "Error: --open needs a file: say where, with --output FILE\n"
    )


def test_help_says_how_it_ends():
    """Every exit code, and where the page goes."""
    text = " ".join(CliRunner().invoke(cli, ["report", "--help"]).output.split())
    assert all(words in text for words in ("0, everything", "1, it was written", "2, a RUN is none", "RUN/report.html"))


def test_help_imports_nothing_heavy():
    """The command line stays quick for those who want no report."""
    code = "import sys; from odebench.cli import report; assert not {'jinja2', 'pandas', 'numpy'} & set(sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.fixture
def run_toy(command, plugins, support, tmp_path, monkeypatch):
    def run(*arguments):
        monkeypatch.chdir(tmp_path)
        options = [word for plugin in (plugins[0], plugins[2]) for word in ("--plugin", plugin)]
        only = ("--only", "task=toy/line", "--preset", "training")
        return command("run", support / "toysuite", *options, *only, *arguments)

    return run


def test_a_run_ends_with_its_page(run_toy, monkeypatch, tmp_path):
    """Named on stderr, for the table is what it prints; and opened when asked for."""
    opened = []
    monkeypatch.setattr(webbrowser, "open", lambda uri: opened.append(uri) or True)
    ended = run_toy("--open")
    file = ended.folder / "report.html"
    assert (ended.code, ended.err) == (0, f"Report: {file}\n")
    assert "a line" in file.read_text()
    assert opened == [(tmp_path / file).as_uri()]


def test_a_page_that_fails_changes_nothing_of_a_run(run_toy, monkeypatch):
    """One line on stderr with the reason, and the code that the run had without."""

    def broken(document):
        raise RuntimeError("of\nall things")

    monkeypatch.setattr("odebench.report.html.html", broken)
    ended = run_toy()
    again = f"odebench report {ended.folder}"
    assert (ended.code, ended.err) == (0, f"no report was written: RuntimeError: of all things; try: {again}\n")
    assert not (ended.folder / "report.html").exists()
    shutil.rmtree(ended.folder)


def test_a_run_in_which_cells_fail_has_a_page_too(fates, started):
    """With the reasons of all of them, whatever ended them; its exit code is the failures'."""
    ended, store, _ = fates
    assert ended.code == 1
    page = (store.folder / "report.html").read_text()
    for one in store.records():
        assert f'class="status {one.status}"' in page

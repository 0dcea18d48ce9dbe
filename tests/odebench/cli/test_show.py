"""``odebench show`` draws a table from a run's files alone."""

from io import StringIO

import pandas as pd


def test_show_needs_no_plugin_and_no_suite(fates, command):
    """The same table that the run printed, though none of its plugins is loaded."""
    ended, store, _ = fates
    shown = command("show", store.folder)
    assert shown.code == 0
    assert shown.out.partition("Results: ")[0] in ended.out
    assert "faulty/segfaults/numeric" in shown.out


def test_show_takes_the_records_file_too(fates, command):
    """What tab completion ends on."""
    _, store, _ = fates
    assert command("show", store.folder / "records.jsonl").out == command("show", store.folder).out


def test_show_of_what_is_no_run(command, tmp_path, monkeypatch):
    """Names the latest runs."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results" / "s" / "r").mkdir(parents=True)
    (tmp_path / "results" / "s" / "r" / "run.json").write_text("{}")
    ended = command("show", "results/s")
    assert (ended.code, ended.err) == (2, "Error: results/s is no run; the latest: results/s/r\n")


def test_show_of_a_newer_schema(command, tmp_path):
    """Refused in a line."""
    (tmp_path / "run.json").write_text("{}")
    (tmp_path / "records.jsonl").write_text('{"schema": 99}\n')
    ended = command("show", tmp_path)
    assert ended.code == 2
    assert "is of schema 99; this odebench reads up to 1: upgrade it" in ended.err


def test_show_curves(fates, command):
    """As CSV that can be piped: a line a point, also of what diverged, with the configuration."""
    _, store, _ = fates
    ended = command("show", store.folder, "--curves")
    assert (ended.code, ended.err) == (0, "")
    table = pd.read_csv(StringIO(ended.out))
    diverged = table[table["task"] == "toy/diverging"]
    assert diverged["step"].tolist() == [1, 2, 3, 4, 5]
    assert diverged["status"].unique().tolist() == ["diverged"]
    assert table[table["backend"] == "toy/rk4/numeric"]["num_steps"].tolist() == [20] * 10

"""``odebench precision``: costs at equal achieved error, from a run's files alone."""

import pytest

from odebench.record import CellStatus, Record
from odebench.store import Store


def record(task, backend, error, nfe, status=CellStatus.ok, **metrics):
    config = {"task": task, "backend": backend, "device": "cpu", "dtype": "float64", "options": {}, "rtol": error}
    figures = {"forward_error": error, "nfe_forward": nfe, "forward_s": 1e-3 * nfe} | metrics
    return Record(config, f"{task}{backend}{nfe}", task, status, metrics=figures if status is CellStatus.ok else {})


RECORDS = [
    record("t/one", "torch/dopri5/adjoint", 1e-2, 10),
    record("t/one", "torch/dopri5/adjoint", 1e-6, 1000, gradient_error=1e-4, nfe_backward=500, vjps=400),
    record("t/one", "jax/tsit5/adjoint", 1e-5, 90),
    record("t/one", "jax/tsit5/adjoint", 1e-7, 0, CellStatus.diverged),
    record("t/two", "torch/dopri5/adjoint", 1e-4, 77),
]


def written(folder, records):
    store = Store.create(folder, "s", {})
    for one in records:
        store.append(one)
    return store.folder


@pytest.fixture
def run(tmp_path):
    return written(tmp_path, RECORDS)


def rows(text, task):
    """The words of each row of a task, by backend."""
    return {words[1]: words[2:] for words in map(str.split, text.splitlines()) if words and words[0] == task}


def test_costs_are_those_of_the_target(run, command):
    """Interpolated between cells, marked where the loosest is better, or where it is the cheapest of its task."""
    ended = command("precision", run, "--target", "1e-4")
    assert (ended.code, ended.err) == (0, "")
    one = rows(ended.out, "t/one")
    assert one["torch/dopri5/adjoint"] == ["100", "100", "1.0e-6"]
    assert one["jax/tsit5/adjoint"] == ["<*90", "<*90", "1.0e-5", "1"]  # one failed
    assert rows(ended.out, "t/two")["torch/dopri5/adjoint"] == ["<*77", "<*77", "1.0e-4"]
    assert max(map(len, ended.out.splitlines())) <= 120


def test_targets_that_are_not_reached(run, command):
    """Have no cost, and every target has its columns."""
    ended = command("precision", run, "--target", "1e-4, 1e-9")
    assert rows(ended.out, "t/two")["torch/dopri5/adjoint"] == ["<*77", "<*77", "–", "–", "1.0e-4"]


def test_gradient_errors(run, command):
    """Are bought by both passes; a backend without any has no cost."""
    ended = command("precision", run, "--error", "gradient_error", "--target", "1e-3", "--task", "*/one")
    assert ended.code == 0
    one = rows(ended.out, "t/one")
    assert one["torch/dopri5/adjoint"][:2] == ["<*1,500", "<*400"]
    assert set(one["jax/tsit5/adjoint"][:-1]) == {"–"}
    assert "t/two" not in ended.out


def test_several_runs_are_one_table(run, command, tmp_path):
    """Backends of another run stand beside the first's."""
    other = written(tmp_path, [record("t/one", "scipy/dop853/autograd", 1e-5, 50)])
    ended = command("precision", run, other / "records.jsonl", "--target", "1e-4")
    assert set(rows(ended.out, "t/one")) == {"torch/dopri5/adjoint", "jax/tsit5/adjoint", "scipy/dop853/autograd"}
    assert rows(ended.out, "t/one")["scipy/dop853/autograd"][0] == "<*50"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--target", "small"], "--target small: write errors separated by commas, as in 1e-3,1e-6"),
        (["--target", "1e-3,"], "--target 1e-3,: write errors separated by commas, as in 1e-3,1e-6"),
        (["--target", "0"], "--target 0: an error must be positive and finite"),
        (["--target", "-1e-3"], "--target -1e-3: an error must be positive and finite"),
        (["--target", "1e-3,nan"], "--target 1e-3,nan: an error must be positive and finite"),
        (["--target", "inf"], "--target inf: an error must be positive and finite"),
        (["--task", "t/three"], "--task t/three matches nothing; valid: t/one, t/two"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(run, command, arguments, message):
    """With what would be right; 2, and no table."""
    ended = command("precision", run, *arguments)
    assert (ended.code, ended.out, ended.err) == (2, "", f"Error: {message}\n")


def test_what_click_refuses(run, command):
    """No run at all; an error that is none of the two."""
    assert "Missing argument 'RUN...'" in command("precision").err
    ended = command("precision", run, "--error", "test_error")
    assert ended.code == 2
    assert "'test_error' is not one of 'forward_error', 'gradient_error'" in ended.err


def test_a_run_without_records(command, tmp_path):
    """Interrupted before its first cell ended: said, and not blamed on the task."""
    ended = command("precision", written(tmp_path, []))
    assert (ended.code, ended.err) == (2, "Error: no records yet: there is nothing to compare\n")


def test_what_is_no_run(run, command, tmp_path, monkeypatch):
    """Named, though another one is."""
    monkeypatch.chdir(tmp_path)
    ended = command("precision", run, "nowhere")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("Error: nowhere is no run")

"""``odebench plot``: a picture of a run, from its files alone."""

import subprocess
import sys

import pytest

from odebench.record import CellStatus, Record
from odebench.store import Store


def record(task, backend, nfe, error, status=CellStatus.ok, **options):
    config = {"suite": "s", "task": task, "backend": backend, "device": "cpu", "dtype": "float64", "seed": 0}
    config |= {"rtol": 1e-3, "options": options}
    metrics = {"nfe_forward": nfe, "forward_error": error} if status is CellStatus.ok else {}
    return Record(config, f"{task}{backend}{nfe}", task, status, metrics=metrics)


@pytest.fixture
def run(tmp_path):
    request = {"suite": "suites/s", "preset": "p", "plugins": [], "strict": False, "selection": {}}
    store = Store.create(tmp_path, "s", request)
    for one in (
        *(record("t/one", "torch/dopri5/adjoint", nfe, 1 / nfe, outputs=nfe) for nfe in (10, 20, 40)),
        *(record("t/one", "jax/tsit5/adjoint", nfe, 2 / nfe, outputs=nfe) for nfe in (10, 20, 40)),
        record("t/two", "torch/dopri5/adjoint", 7, 1e-3),
        record("t/two", "torch/dopri8/adjoint", 9, 0.0, CellStatus.timeout),
    ):
        store.append(one)
    return store.folder


def test_a_picture_in_the_runs_folder(run, command):
    """Named after what it shows, and named on the terminal: a panel a task, a line a backend."""
    ended = command("plot", run)
    assert (ended.code, ended.err) == (0, "")
    file = run / "forward_error-nfe_forward.svg"
    assert ended.out == f"{file}\n"
    text = file.read_text()
    assert all(f"<!-- {words} -->" in text for words in ("t/one", "t/two", "torch/dopri5/adjoint", "relative error"))
    assert "dopri8" not in text  # it did not end well


@pytest.mark.parametrize(("ending", "magic"), [("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?xml")])
def test_another_file(run, command, tmp_path, ending, magic):
    """In the format of its ending; nothing is written beside it."""
    file = tmp_path / f"picture.{ending}"
    before = set(run.iterdir())
    ended = command("plot", run / "records.jsonl", "-o", file)
    assert (ended.code, ended.out) == (0, f"{file}\n")
    assert file.read_bytes().startswith(magic)
    assert set(run.iterdir()) == before


def test_globs(run, command, tmp_path):
    """Of tasks and of backends, and an option of the task as what is drawn against."""
    file = tmp_path / "x.svg"
    ended = command(
        "plot", run, "--task", "*/one", "--backend", "jax/*", "--x", "option_outputs", "--y", "nfe_forward", "-o", file
    )
    assert ended.code == 0
    text = file.read_text()
    assert "<!-- jax/tsit5/adjoint -->" in text
    assert "<!-- outputs -->" in text
    assert "torch" not in text
    assert "t/two" not in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--x", "nfe_forwards"], "no record that ended well has nfe_forwards; did you mean 'nfe_forward'? valid: "),
        (["--y", "gradient_error"], "no record that ended well has gradient_error; "),
        (["--x", "step"], "no record that ended well has step; "),
        (
            ["--x", "option_output"],
            "no record that ended well has option_output; did you mean 'option_outputs'? valid: ",
        ),
        (["--x", "option_outputs", "--y", "forward_eror"], "no record that ended well has forward_eror; did you mean "),
        (["--output", "x"], "--output x: its ending says the format, as in x.svg"),
        (["--task", "t/three"], "--task t/three matches nothing; valid: t/one, t/two\n"),
        (["--task", "*/two", "--backend", "jax/*"], "--backend jax/* matches nothing; valid: torch/dopri5/adjoint, "),
        (["--output", "absent/x.svg"], "--output absent/x.svg: No such file or directory"),
        (["--output", "x.docx"], "--output x.docx: Format 'docx' is not supported"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(run, command, arguments, message, tmp_path, monkeypatch):
    """With what there is; 2, and no picture."""
    monkeypatch.chdir(tmp_path)
    ended = command("plot", run, *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"Error: {message}")
    assert "Traceback" not in ended.err
    assert not [file for file in tmp_path.rglob("*.*") if file.suffix in (".svg", ".docx", ".png")]


def test_what_is_no_run(command, tmp_path, monkeypatch):
    """Or none at all."""
    monkeypatch.chdir(tmp_path)
    ended = command("plot", "nowhere")
    assert (ended.code, ended.err) == (2, "Error: nowhere is no run; the latest: none\n")
    assert "Missing argument 'RUN...'" in command("plot").err


def test_without_matplotlib(run, command, monkeypatch):
    """Said in a line, with the command that gets it."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    ended = command("plot", run)
    assert ended.code == 2
    assert ended.err.startswith("Error: odebench plot needs matplotlib (")
    assert ended.err.endswith("): pip install 'odebench[plot]'\n")


def test_help_imports_no_matplotlib():
    """The command line stays quick for those who draw nothing."""
    code = (
        "import sys; from odebench.cli import plot, precision; assert not {'matplotlib', 'pandas'} & set(sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.fixture
def two_runs(run, tmp_path):
    request = {"suite": "suites/s", "preset": "p", "plugins": [], "strict": False, "selection": {}}
    store = Store.create(tmp_path, "s", request)
    store.append(record("t/one", "torch/dopri5/adjoint", 15, 0.1))
    return run, store.folder


def test_a_chart_by_its_name(run, command):
    """In the run's folder, under its name."""
    ended = command("plot", run, "--kind", "precision-nfe")
    assert (ended.code, ended.out, ended.err) == (0, f"{run / 'precision-nfe.svg'}\n", "")
    text = (run / "precision-nfe.svg").read_text()
    assert all(f"<!-- {words} -->" in text for words in ("t/one", "t/two", "Error against evaluations"))


def test_charts_are_listed(run, command):
    """With what is to be seen; and why those of the suite's own are not."""
    ended = command("plot", run, "--kind", "list")
    assert (ended.code, ended.out) == (0, "precision-nfe  Error against evaluations\n")
    assert "its suite suites/s is not here" in ended.err


def test_a_chart_of_several_runs(two_runs, command):
    """Each run a line of its own, in the first one's folder; nothing but charts is of several."""
    ended = command("plot", *two_runs, "--kind", "precision-nfe", "--task", "t/one", "--backend", "torch/*")
    assert ended.code == 0
    text = (two_runs[0] / "precision-nfe.svg").read_text()
    assert all(f"<!-- torch/dopri5/adjoint s/{folder.name}" in text for folder in two_runs)
    ended = command("plot", *two_runs, "--kind", "precision-nfs")
    assert ended.code == 2
    assert ended.err.startswith(
        "Error: 'precision-nfs' is no chart of these runs, and a suite's own picture is of one; "
    )
    assert "did you mean 'precision-nfe'?" in ended.err
    assert command("plot", *two_runs, "--kind", "list").out == "precision-nfe  Error against evaluations\n"


def test_a_colour_does_not_depend_on_what_is_left_out(run, command, tmp_path):
    """jax/tsit5/adjoint is the run's second backend, and is drawn as such without the first."""
    file = tmp_path / "x.svg"
    assert command("plot", run, "--kind", "precision-nfe", "--backend", "jax/*", "-o", file).code == 0
    assert "#d55e00" in file.read_text()
    assert "#0072b2" not in file.read_text()

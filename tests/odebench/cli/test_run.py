"""``odebench run``: what is wrong with what was typed is said in a line, with the choices, and nothing is measured."""

import pytest

from odebench.store import Store


@pytest.fixture
def refused(command, plugins, support, tmp_path, monkeypatch):
    """Run the toy suite with something wrong; the one line that says so."""

    def refused(*arguments, suite=support / "toysuite", plugins=plugins):
        monkeypatch.chdir(tmp_path)
        options = [word for plugin in plugins for word in ("--plugin", plugin)]
        ended = command("run", suite, *options, *arguments)
        assert ended.code == 2
        assert "Traceback" not in ended.err
        return ended.err.rstrip("\n")

    return refused


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--preset", "quik"], "Error: unknown preset 'quik'; did you mean 'quick'? valid: quick, short, training"),
        (
            ["--backend", "toi/rk4/numeric"],
            "Error: backend 'toi/rk4/numeric': unknown library 'toi'; did you mean 'toy'?",
        ),
        (
            ["--backend", "toy/rk5/numeric"],
            "Error: backend 'toy/rk5/numeric': toy has no solver 'rk5'; did you mean 'rk4'",
        ),
        (
            ["--backend", "toy/rk4/adjoint"],
            "Error: backend 'toy/rk4/adjoint': toy/rk4 has no gradient method 'adjoint'; ",
        ),
        (["--backend", "rk4"], "Error: backend 'rk4' does not read library/solver/gradient"),
        (["--backend", "to*/x/*"], "Error: backend 'to*/x/*' matches nothing; valid libraries: "),
        (["--backend", "jax"], "Error: --backend jax: no task of this suite runs with it"),
        (["--only", "solver=rk5"], "Error: --only solver=rk5 matches no cell; did you mean 'rk4'? valid: dopri5, rk4"),
        (["--only", "solvr=rk4"], "Error: --only solvr=rk4: unknown key 'solvr'; did you mean 'solver'? valid: "),
        (["--only", "rk4"], "Error: --only rk4: write key=glob, as in framework=jax"),
        (["--plugin", "absent.py"], "Error: --plugin absent.py: there is no such file"),
        (["--device", "cuda"], "Error: device 'cuda' is not there for toy; valid: cpu, abacus"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(refused, arguments, message):
    """With the nearest valid choice and all of them."""
    line = refused(*arguments)
    assert line.startswith(message)
    assert "\n" not in line


def test_a_suite_that_is_none(refused, tmp_path):
    """Not there; a folder without a suite.toml; one that is broken."""
    assert refused(suite="absent") == "Error: there is no suite 'absent'; valid: none"
    (tmp_path / "bare").mkdir()
    assert refused(suite="bare") == "Error: bare has no suite.toml, so it is no suite"
    (tmp_path / "bare" / "suite.toml").write_text("title")
    assert refused(suite="bare").startswith("Error: bare/suite.toml: not valid TOML: ")


def test_results_that_cannot_be_written(refused, tmp_path):
    """Below a regular file; said before anything is measured."""
    (tmp_path / "file").write_text("")
    assert refused("--results", "file/below") == "Error: cannot write results to file/below/toysuite: Not a directory"


def test_unknown_options_and_missing_arguments(command):
    """Click's own messages, with exit code 2."""
    for arguments, message in (
        (("run",), "Missing argument 'SUITE'"),
        (("run", "x", "--bakend", "y"), "No such option"),
        (("rum",), "No such command 'rum'"),
    ):
        ended = command(*arguments)
        assert ended.code == 2
        assert message in ended.err


def test_nothing_wrong_leaves_no_folder_behind_when_refused(refused, tmp_path):
    """What is wrong with names is found before the run's folder is made; what only a worker knows, takes it away."""
    refused("--only", "solver=rk5")
    refused("--preset", "quik")
    assert not (tmp_path / "results").exists()
    refused("--device", "cuda")
    assert list((tmp_path / "results" / "toysuite").iterdir()) == []


def test_strict(refused, tmp_path):
    """A plugin that fails is fatal when asked for."""
    (tmp_path / "broken.py").write_text("1 / 0")
    assert refused("--plugin", "broken.py", "--strict").startswith("Error: plugin broken (")


@pytest.fixture
def run(command, plugins, support, tmp_path, monkeypatch):
    def run(*arguments):
        monkeypatch.chdir(tmp_path)
        options = [word for plugin in (plugins[0], plugins[2]) for word in ("--plugin", plugin)]
        return command("run", support / "toysuite", *options, *arguments)

    return run


def test_a_run_from_start_to_end(run, tmp_path, command):
    """0, a line for each cell as it ends, the table, and the folder, which shows and resumes alike."""
    ended = run("--only", "task=toy/line", "--preset", "training")
    assert ended.code == 0, ended.err
    assert "[1/1] a line · toy: ok, " in ended.out
    assert ended.out.splitlines()[-1].endswith(f"Results: {ended.folder}")
    assert (tmp_path / ended.folder / "records.parquet").exists()
    shown = command("show", ended.folder)
    assert (shown.code, shown.err) == (0, "")
    assert shown.out in ended.out


def test_a_plugins_solver_joins_the_run(run, tmp_path):
    """Ten lines in a file of one's own compete with the suite's backends, in workers that load the file too."""
    (tmp_path / "ssprk3.py").write_text(
        "import odebench\n@odebench.hookimpl\ndef odebench_register_solvers(register):\n"
        "    register(odebench.ExplicitRungeKutta(\n"
        "        'ssprk3', order=3, c=[0, 1, 1/2], a=[[], [1], [1/4, 1/4]], b=[1/6, 1/6, 2/3]))\n"
    )
    ended = run("--plugin", "ssprk3.py", "--only", "solver=ssprk3", "--preset", "training")
    assert ended.code == 0, ended.out
    assert "exponential decay · toy/ssprk3/numeric: ok" in ended.out


def test_a_skipped_plugin_is_reported_and_the_run_goes_on(run, tmp_path):
    """Named on stderr with its reason."""
    (tmp_path / "broken.py").write_text("1 / 0")
    ended = run("--plugin", "broken.py", "--only", "task=toy/line", "--preset", "training")
    assert ended.code == 0
    assert "plugin broken (" in ended.err
    assert "was skipped: ZeroDivisionError: division by zero" in ended.err


def test_another_device(run):
    """Is shown beside the backend, and is another cell."""
    ended = run("--device", "cpu, abacus", "--only", "task=toy/line", "--preset", "training")
    assert ended.code == 0
    assert "a line · toy · abacus: ok" in ended.out
    assert "toy abacus" in ended.out


def test_a_refused_resume_takes_nothing_away(command, plugins, support, tmp_path):
    """A run that was interrupted before its first record has a checkpoint that is worth keeping."""
    selection = {"backends": [], "only": [], "devices": ["cuda"]}
    request = {"suite": str(support / "toysuite"), "preset": "quick", "plugins": plugins, "strict": False}
    store = Store.create(tmp_path, "toysuite", request | {"selection": selection})
    store.write("environment.json", {})
    checkpoint = store.folder / "checkpoints" / "x.npz"
    checkpoint.parent.mkdir()
    checkpoint.write_bytes(b"hours of training")
    ended = command("resume", store.folder)
    assert ended.code == 2
    assert ended.err == "Error: device 'cuda' is not there for toy; valid: cpu, abacus\n"
    assert checkpoint.exists()


def test_resume_of_what_is_no_run(command, tmp_path, monkeypatch):
    """Or whose suite is gone: one line each."""
    monkeypatch.chdir(tmp_path)
    ended = command("resume", "nowhere")
    assert (ended.code, ended.err) == (2, "Error: nowhere is no run; the latest: none\n")
    (tmp_path / "run.json").write_text(
        '{"suite": "gone", "preset": "a", "plugins": [], "strict": false, "selection": {"backends": [], "only": []}}'
    )
    ended = command("resume", ".")
    assert (ended.code, ended.err) == (2, "Error: gone/suite.toml: No such file or directory\n")

"""``odebench list`` says what is there, what is missing and how to get it, and what was skipped and why."""

import subprocess
import sys

import pytest

from odebench import descriptors

HEAVY = ("torch", "jax", "jaxlib", "pandas", "matplotlib", "plotly", "pyarrow", "scipy")
COMMANDS = [["--help"], ["--version"], ["run", "--help"], ["claims", "--help"], ["coverage"]]
KINDS = ("plugins", "solvers", "methods", "tasks", "figures", "suites")


@pytest.mark.parametrize("arguments", [*COMMANDS, *(["list", kind] for kind in KINDS)], ids=" ".join)
def test_nothing_heavy_is_imported(arguments, support):
    """Naming what there is costs no framework and no data library: asked of a fresh interpreter at its end."""
    code = (
        "import atexit, sys\n"
        f"atexit.register(lambda: print(sorted({set(HEAVY)} & set(sys.modules)), file=sys.stderr))\n"
        "from odebench.cli import main\n"
        f"sys.argv = {['odebench', *arguments]!r}\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=support.parents[1])
    assert done.returncode == 0, done.stderr
    assert done.stderr.strip() == "[]"
    assert done.stdout


@pytest.fixture
def rows(command, plugins):
    """The lines of a list as tuples of columns, by their first column, without the header."""

    def rows(kind, *more):
        options = [word for plugin in (*plugins, *map(str, more)) for word in ("--plugin", plugin)]
        ended = command("list", kind, *options)
        assert ended.code == 0
        lines = [[column.strip() for column in line.split("  ") if column.strip()] for line in ended.out.splitlines()]
        return {line[0]: tuple(line[1:]) for line in lines[1:]}, ended

    return rows


def test_plugins(rows, plugins, tmp_path):
    """Where each comes from, and why it was skipped if it was."""
    (tmp_path / "broken.py").write_text("raise RuntimeError('no [red]luck')")
    found, _ = rows("plugins", tmp_path / "broken.py")
    assert found["toy"] == (plugins[0], "loaded")
    assert found["toysuite"] == (plugins[2], "loaded")
    assert found["broken"] == (str(tmp_path / "broken.py"), "skipped: RuntimeError: no [red]luck")
    assert found["rungekutta"][0].startswith("entry point odebench_rungekutta (odebench ")


def test_a_skipped_plugin_is_reported_beside_every_list(rows, tmp_path):
    """On stderr, so that the list itself can be piped."""
    (tmp_path / "broken.py").write_text("raise RuntimeError('no luck')")
    for kind in KINDS[1:]:
        _, ended = rows(kind, tmp_path / "broken.py")
        assert ended.err == f"plugin broken ({tmp_path / 'broken.py'}) was skipped: RuntimeError: no luck\n"


def test_solvers(rows):
    """Each tableau once a framework that has an engine; what is not installed comes with its command."""
    found, ended = rows("solvers")
    assert found["toy/dopri5"] == ("5", "adaptive", "rungekutta", "available")
    assert found["torch/rk4"] == ("4", "fixed step", "rungekutta", "available")
    assert found["faulty/absent"] == ("–", "fixed step", "faulty", "unavailable: pip install no-such-dist")
    assert ended.err == ""
    assert ended.out.splitlines()[0].split() == ["solver", "order", "steps", "plugin", "status"]


def test_an_unavailable_framework(rows, monkeypatch):
    """Its solvers name every distribution that is missing."""
    monkeypatch.setattr(descriptors, "installed", lambda name: name in ("optree", "array-api-compat"))
    assert rows("solvers")[0]["jax/rk4"][-1] == "unavailable: pip install jax jaxlib optax"
    assert rows("solvers")[0]["torch/rk4"][-1] == "unavailable: pip install torch"


def test_methods(rows):
    """With what each is, in a line."""
    found, _ = rows("methods")
    assert found["toy/numeric"] == ("central differences", "toy", "available")
    assert {"torch/adjoint", "torch/backprop", "jax/adjoint", "jax/backprop"} <= set(found)


def test_tasks(rows):
    """Their frameworks, and whether there is an ODE in them."""
    found, _ = rows("tasks")
    assert found["toy/line"] == ("a line", "toy", "no", "toysuite", "available")
    assert found["toy/decay"] == ("exponential decay", "toy", "yes", "toysuite", "available")


def test_figures(rows, tmp_path):
    """With the tasks that they are of, and what drawing them takes."""
    (tmp_path / "drawn.py").write_text(
        "import odebench\n@odebench.hookimpl\ndef odebench_register_figures(register):\n"
        "    register(odebench.Figure(\n"
        "        name='d/one', code='d:one', tasks='d/*', title='One', requires=('no-such-dist',)))\n"
    )
    found, _ = rows("figures", tmp_path / "drawn.py")
    assert found["d/one"] == ("One", "d/*", "drawn", "unavailable: pip install no-such-dist")


def test_suites(rows, tmp_path, monkeypatch):
    """Those below ./suites with their presets; a broken one is listed as such, whatever is wrong with it."""
    monkeypatch.chdir(tmp_path)
    texts = {
        "good": 'title = "Good"\ndefault_preset = "a"\nmatrix = [{tasks = ["t"], backends = ["b"]}]\n'
        "[presets]\na = {}\nb = {}",
        "malformed": "title = ",
        "wrong": "presets = 3",
    }
    for name, text in texts.items():
        (tmp_path / "suites" / name).mkdir(parents=True)
        (tmp_path / "suites" / name / "suite.toml").write_text(text)
    found, _ = rows("suites")
    assert found["suites/good"] == ("Good", "a, b")
    assert found["suites/malformed"][0].startswith("invalid: suites/malformed/suite.toml: not valid TOML")
    assert "presets" in found["suites/wrong"][0]


def test_tasks_of_the_suites_here(command, tmp_path, monkeypatch):
    """``list tasks`` knows those of ./suites without being told."""
    folder = tmp_path / "suites" / "mine"
    folder.mkdir(parents=True)
    (folder / "suite.toml").write_text("")
    (folder / "__init__.py").write_text(
        "import odebench\n@odebench.hookimpl\ndef odebench_register_tasks(register):\n"
        "    register(odebench.Task(name='mine/own', code='.task:make', frameworks=(), requires=('no-such-dist',)))\n"
    )
    monkeypatch.chdir(tmp_path)
    out = command("list", "tasks").out
    assert "mine/own" in out
    assert "unavailable: pip install no-such-dist" in out


def test_an_unknown_kind_and_strict(command, tmp_path):
    """Bad input is 2, with the choices; ``--strict`` stops at the plugin that fails."""
    ended = command("list", "solver")
    assert ended.code == 2
    assert "'plugins', 'solvers', 'methods', 'tasks', 'figures', 'suites'" in ended.err
    (tmp_path / "broken.py").write_text("1 / 0")
    ended = command("list", "solvers", "--plugin", tmp_path / "broken.py", "--strict")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == f"Error: plugin broken ({tmp_path / 'broken.py'}): ZeroDivisionError: division by zero\n"

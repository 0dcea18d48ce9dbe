"""Plugins are loaded guarded: whatever is wrong with one, it is named and skipped, and leaves nothing behind."""

from importlib.metadata import EntryPoint

import pytest

import odebench
from odebench import registry as registry_module
from odebench.errors import UserError
from odebench.registry import load_registry

HEAD = "import odebench\n"
FRAMEWORK = """
@odebench.hookimpl
def odebench_register_frameworks(register):
    register(odebench.Framework(name={name!r}, code=".a:b", runge_kutta={engine!r}))
"""
TABLEAU = """
@odebench.hookimpl
def odebench_register_solvers(register):
    register(odebench.ExplicitRungeKutta({name!r}, order=1, c=[0], a=[[]], b=[1]))
"""
SOLVER = """
@odebench.hookimpl
def odebench_register_solvers(register):
    register(odebench.Solver(library={library!r}, name={name!r}, code=".a:b"))
"""
GRADIENT = """
@odebench.hookimpl
def odebench_register_gradients(register):
    register(odebench.GradientMethod(library={library!r}, name={name!r}, code=".a:b"))
"""
TASK = """
@odebench.hookimpl
def odebench_register_tasks(register):
    register(odebench.Task(name={name!r}, code={code!r}, frameworks=("toy",)))
"""
PARTS_TWICE = """
@odebench.hookimpl
def odebench_register_parts(register):
    register(odebench.Parts(library="toy", norm=("toy.norms",)))
    register(odebench.Parts(library="toy", control=("toy.loop",)))
"""
RAISES_LATE = """
@odebench.hookimpl
def odebench_register_tasks(register):
    register(odebench.Task(name="half", code=".a:b", frameworks=("toy",)))
    raise KeyError("second thoughts")
@odebench.hookimpl
def odebench_cell_started(cell):
    pass
"""
MISSPELT = """
@odebench.hookimpl
def odebench_register_solver(register):
    pass
"""
UNMARKED = """
def odebench_register_solvers(register):
    pass
"""
BAD_ARGUMENT = """
@odebench.hookimpl
def odebench_register_solvers(registrar):
    pass
"""
WRONG_TYPE = """
@odebench.hookimpl
def odebench_register_solvers(register):
    register(odebench.Task(name="t", code=".a:b", frameworks=()))
"""
NO_TYPE = """
@odebench.hookimpl
def odebench_register_tasks(register):
    register("my task")
"""
BAD_TABLEAU = """
@odebench.hookimpl
def odebench_register_solvers(register):
    register(odebench.ExplicitRungeKutta("lame", order=1, c=[0], a=[[]], b=[2]))
"""

BROKEN = {
    "raises on import": ("raise RuntimeError('no luck')", "RuntimeError: no luck"),
    "exits on import": ("raise SystemExit('bye')", "SystemExit: bye"),
    "needs what is not there": ("import no_such_module_at_all", "No module named 'no_such_module_at_all'"),
    "is not Python": ("def :", "SyntaxError"),
    "raises in a hook": (RAISES_LATE, "KeyError: 'second thoughts'"),
    "misspelt hook": (MISSPELT, "'odebench_register_solver'; did you mean 'odebench_register_solvers'?"),
    "hook without the marker": (UNMARKED, "odebench_register_solvers is not marked with @odebench.hookimpl"),
    "wrong argument": (BAD_ARGUMENT, "registrar"),
    "wrong kind": (WRONG_TYPE, "odebench_register_solvers was given a Task"),
    "no descriptor": (NO_TYPE, "odebench_register_tasks was given a str"),
    "bad tableau": (BAD_TABLEAU, "tableau 'lame': the weights b sum to 2.0"),
    "code without attribute": (TASK.format(name="t", code="module"), "code must read 'module:attribute'"),
    "code above its package": (TASK.format(name="t", code="..a:b"), "ImportError"),
    "taken framework": (FRAMEWORK.format(name="torch", engine=""), "framework name 'torch' is taken by plugin 'torch'"),
    "taken tableau": (TABLEAU.format(name="dopri5"), "solver name 'dopri5' is taken by plugin 'rungekutta'"),
    "solver named as a tableau": (
        SOLVER.format(library="torch", name="dopri5"),
        "solver name 'torch/dopri5' is taken by plugin 'rungekutta'",
    ),
    "a library's parts in two": (PARTS_TWICE, "parts name 'broken toy' is taken by plugin 'broken'"),
    "taken gradient method": (
        GRADIENT.format(library="torch", name="backprop"),
        "gradient method name 'torch/backprop' is taken by plugin 'torch-backprop'",
    ),
}


@pytest.fixture
def write(tmp_path):
    def write(name, *parts):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(HEAD + "".join(parts))
        return file

    return write


def contents(registry):
    names = ("frameworks", "tableaus", "solvers", "gradients", "tasks", "parts")
    return {name: dict(getattr(registry, name)) for name in names}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_plugin_is_named_and_leaves_nothing_behind(what, write):
    """Its reason stands in one line, its hooks are gone, and plugins before and after it are loaded."""
    source, reason = BROKEN[what]
    before, broken, after = (
        write("before.py", TABLEAU.format(name="before")),
        write("broken.py", source),
        write("after.py", TABLEAU.format(name="after")),
    )
    registry = load_registry(map(str, (before, broken, after)))
    skipped = [plugin for plugin in registry.plugins if plugin.error]
    assert [(plugin.name, plugin.origin) for plugin in skipped] == [("broken", str(broken))]
    assert reason in skipped[0].error
    assert "\n" not in skipped[0].error
    assert contents(registry) == contents(load_registry(map(str, (before, after))))
    registry.hook.odebench_cell_started(cell=None)
    assert registry.hook.odebench_cell_started.get_hookimpls() == []


@pytest.mark.parametrize("what", BROKEN)
def test_strict_makes_it_fatal(what, write):
    """``--strict`` names the plugin, its file and the reason."""
    source, reason = BROKEN[what]
    file = write("broken.py", source)
    with pytest.raises(UserError) as error:
        load_registry([str(file)], strict=True)
    assert str(error.value).startswith(f"plugin broken ({file}): ")
    assert reason in str(error.value)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (TASK.format(name="t", code=".a:b"), TASK.format(name="t", code=".c:d")),
        (SOLVER.format(library="peer", name="s"), SOLVER.format(library="peer", name="s")),
        (SOLVER.format(library="torch", name="s"), TABLEAU.format(name="s")),
        (TABLEAU.format(name="s"), SOLVER.format(library="jax", name="s")),
    ],
)
def test_the_first_to_take_a_name_keeps_it(first, second, write):
    """Tasks, solvers, and a tableau against a solver of a framework that has an engine for it, either way round."""
    kept, skipped = write("kept.py", first), write("skipped.py", second)
    registry = load_registry([str(kept), str(skipped)])
    assert contents(registry) == contents(load_registry([str(kept)]))
    assert "is taken by plugin 'kept'" in registry.plugins[-1].error


@pytest.mark.parametrize("first", ["tableau", "solver"])
def test_a_tableau_takes_no_name_where_it_is_no_solver(first, write):
    """A peer library, or a framework without an engine, may have a solver of the same name as a tableau."""
    tableau = write("tableau.py", TABLEAU.format(name="s"))
    solver = write(
        "solver.py",
        FRAMEWORK.format(name="bare", engine=""),
        SOLVER.format(library="bare", name="s"),
    )
    peer = write("peer.py", SOLVER.format(library="peer", name="s"))
    files = [tableau, solver, peer] if first == "tableau" else [solver, peer, tableau]
    registry = load_registry(map(str, files), strict=True)
    assert {"bare/s", "peer/s"} <= set(registry.solvers)
    assert "s" in registry.tableaus


def test_entry_points(monkeypatch):
    """All of odebench's own are loaded so; a broken one is reported by its name and distribution's object."""
    monkeypatch.setattr(
        registry_module,
        "entry_points",
        lambda group: [
            EntryPoint("ghost", "no_such_module_at_all", group),
            EntryPoint("rungekutta", "odebench_rungekutta", group),
        ],
    )
    registry = load_registry()
    assert [(p.name, p.error is None) for p in registry.plugins] == [("ghost", False), ("rungekutta", True)]
    assert registry.plugins[0].origin == "entry point no_such_module_at_all"
    assert "dopri5" in registry.tableaus


def test_every_installed_plugin_loads():
    """None of odebench's own plugins is skipped, and each counts its distribution among its origins."""
    registry = load_registry(strict=True)
    assert {"rungekutta", "torch", "jax"} <= {plugin.name for plugin in registry.plugins}
    assert all("(odebench " in plugin.origin for plugin in registry.plugins)


def test_a_module_a_file_and_a_suite_folder(write, support, monkeypatch):
    """The three ways to name a plugin; relative code is found beside it, and named solvers are remembered."""
    write("stray_odebench_module.py", TABLEAU.format(name="from_module"))
    file = write("ssprk.py", TABLEAU.format(name="from_file"))
    monkeypatch.syspath_prepend(file.parent)
    registry = load_registry(["stray_odebench_module", str(file)], [support / "toysuite"], strict=True)
    assert {"from_module", "from_file"} <= set(registry.tableaus)
    assert registry.tasks["toy/line"].provider == "toysuite"
    assert registry.tasks["toy/line"].load().__name__ == "Line"
    named = {entry.tableau.name for entry in registry.tableaus.values() if entry.provider in registry.named}
    assert named == {"from_module", "from_file"}


def test_a_folder_given_by_path_counts_as_named(write):
    """``--plugin FOLDER`` remembers the folder's solvers as ``--plugin FILE`` does."""
    folder = write("package/__init__.py", TABLEAU.format(name="from_folder")).parent
    registry = load_registry([str(folder)], strict=True)
    assert registry.tableaus["from_folder"].provider in registry.named


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("a/p.py", "b/p.py"),
        ("a/p-q.py", "a/p_q.py"),
        ("a/p.py", "a/p/__init__.py"),
        ("v.1/__init__.py", "v.2/__init__.py"),
    ],
)
def test_files_of_one_stem_do_not_meet(first, second, write):
    """Two plugins whose paths differ only in folder, punctuation or suffix are two plugins."""
    one, two = write(first, TABLEAU.format(name="one")), write(second, TABLEAU.format(name="two"))
    paths = [str(file.parent if file.name == "__init__.py" else file) for file in (one, two)]
    registry = load_registry(paths, strict=True)
    assert {"one", "two"} <= set(registry.tableaus)


def test_two_suites_with_a_task_module_each(write):
    """Each suite's ``.task`` is its own."""
    for name in ("one", "two"):
        write(f"{name}/__init__.py", TASK.format(name=name, code=".task:who"))
        write(f"{name}/task.py", f"who = {name!r}\n")
    root = write("one/task.py", "who = 'one'\n").parents[1]
    registry = load_registry(suites=[root / "one", root / "two"], strict=True)
    assert [registry.tasks[name].load() for name in ("one", "two")] == ["one", "two"]


def test_loading_the_same_plugin_twice_is_loading_it_once(write):
    """By file and by folder, and one that is installed as well: neither an error nor a second registration."""
    file = str(write("twice.py", TABLEAU.format(name="twice"), TASK.format(name="twice", code="a:b")))
    registry = load_registry([file, file, "odebench_rungekutta"], strict=True)
    assert contents(registry) == contents(load_registry([file]))
    assert len(registry.hook.odebench_register_tasks.get_hookimpls()) == 1


@pytest.mark.parametrize("reference", ["absent.py", "folder/absent.py"])
def test_a_file_that_is_not_there_is_the_users_error(reference):
    """Named, whether strict or not: the user typed it."""
    with pytest.raises(UserError, match=f"--plugin {reference}: there is no such file"):
        load_registry([reference])


@pytest.mark.parametrize(
    ("reference", "reason"), [("no_such_module_at_all", "No module named"), ("notes.md", "not a Python file")]
)
def test_what_is_no_plugin_is_skipped(reference, reason, tmp_path, monkeypatch):
    """A module that is not there and a file that is not Python's are reported as any broken plugin."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.md").write_text("# Notes")
    assert reason in load_registry([reference]).plugins[-1].error


def test_an_interrupt_is_no_broken_plugin(write):
    """Ctrl-C while a plugin is imported is not swallowed, and a later registry can import the file."""
    file = write("slow.py", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        load_registry([str(file)])
    file.write_text(HEAD + TABLEAU.format(name="fine"))
    assert "fine" in load_registry([str(file)]).tableaus


def test_a_descriptor_says_what_must_be_installed():
    """``missing`` names the distributions that are not there, in the order they were asked for."""
    task = odebench.Task(name="t", code="a:b", frameworks=(), requires=("no-such-dist", "numpy", "nor-this"))
    assert task.missing == ("no-such-dist", "nor-this")


def test_a_file_of_a_built_in_plugins_name_is_a_plugin_of_its_own(tmp_path):
    """Only its own solvers count as named on the command line, not those of the installed plugin."""
    file = tmp_path / "rungekutta.py"
    file.write_text(
        "import odebench\n@odebench.hookimpl\ndef odebench_register_solvers(register):\n"
        "    register(odebench.ExplicitRungeKutta('mine', order=1, c=[0], a=[[]], b=[1]))\n"
    )
    registry = load_registry([str(file)], strict=True)
    named = {name for name, entry in registry.tableaus.items() if entry.provider in registry.named}
    assert named == {"mine"}

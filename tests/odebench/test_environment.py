"""Which version of a task was measured."""

import shutil

import pytest

from odebench.environment import task_versions
from odebench.registry import load_registry

FIGURE = """
@odebench.hookimpl
def odebench_register_figures(register):
    register(odebench.Figure(name="toy/picture", code=".drawing:draw", tasks="toy/*", title="a picture"))
"""


@pytest.fixture
def suite(tmp_path, support):
    """A copy of the toy suite, with a figure, that may be changed."""
    folder = tmp_path / "copy"
    shutil.copytree(support / "toysuite", folder, ignore=shutil.ignore_patterns("__pycache__"))
    with (folder / "__init__.py").open("a") as file:
        file.write(FIGURE)
    (folder / "drawing.py").write_text("def draw(records, outputs): ...\n")
    return folder


def versions(folder):
    return task_versions(load_registry([], [folder], strict=True), ["toy/decay", "toy/line"])


def test_a_task_is_told_by_its_code(suite, tmp_path):
    """The same wherever it lies and however its lines end; another once a line of its plugin is."""
    first = versions(suite)
    assert first.keys() == {"toy/decay", "toy/line"}
    assert all(len(digest) == 12 for digest in first.values())
    moved = shutil.copytree(suite, tmp_path / "elsewhere" / "moved")
    (moved / "task.py").write_bytes((suite / "task.py").read_bytes().replace(b"\n", b"\r\n"))
    assert versions(moved) == first
    (suite / "task.py").write_text((suite / "task.py").read_text().replace("TARGET_RATE = 2.0", "TARGET_RATE = 2.5"))
    assert versions(suite)["toy/decay"] != first["toy/decay"]


def test_neither_figures_nor_presets_make_another_task(suite):
    """How it is drawn, and how long it may take, is not what is measured; what it is given is in its configuration."""
    first = versions(suite)
    (suite / "drawing.py").write_text("def draw(records, outputs): return None\n")
    (suite / "suite.toml").write_text((suite / "suite.toml").read_text().replace("60.0", "61.0"))
    assert versions(suite) == first


def test_a_task_of_a_single_file(tmp_path):
    """A plugin that is no folder is told by its file alone."""
    plugin = tmp_path / "alone.py"
    plugin.write_text(
        "import odebench\n@odebench.hookimpl\ndef odebench_register_tasks(register):\n"
        "    register(odebench.Task(name='t', code=f'{__name__}:make', frameworks=('toy',)))\n"
    )
    (tmp_path / "other.py").write_text("1\n")
    registry = load_registry([str(plugin)], strict=True)
    first = task_versions(registry, ["t"])
    (tmp_path / "other.py").write_text("2\n")
    assert task_versions(registry, ["t"]) == first
    plugin.write_text(plugin.read_text() + "# changed\n")
    assert task_versions(registry, ["t"]) != first

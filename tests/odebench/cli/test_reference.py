"""``odebench reference``: what it makes is what it verifies, and what was tampered with is named."""

import json
import shutil
from importlib import import_module
from pathlib import Path

import pytest

SUITE = Path(__file__).parents[3] / "suites" / "ivp"


@pytest.fixture
def suite(tmp_path):
    """A copy of the suite, without references."""
    folder = tmp_path / "ivp"
    shutil.copytree(SUITE, folder, ignore=shutil.ignore_patterns("references", "__pycache__"))
    return folder


def test_make_and_verify(command, suite):
    """One task of the suite: not stored, made, as stored, and, with a digit changed, different."""
    file = suite / "references" / "a2.json"
    assert command("reference", "verify", suite, "--only", "a2").code == 1
    made = command("reference", "make", suite, "--only", "ivp/a2")
    assert made.code == 0
    assert "[1/1] ivp/a2: agreed digits: forward 1" in made.out
    assert [path.name for path in file.parent.iterdir()] == ["a2.json"]
    assert "as stored" in command("reference", "verify", suite, "--only", "a2").out
    content = json.loads(file.read_text())
    content["arrays"]["gradient/ts"][0] *= 1 + 1e-9
    file.write_text(json.dumps(content))
    ended = command("reference", "verify", suite, "--only", "a2")
    assert ended.code == 1
    assert "gradient_t0 differs by 1.0e-09" in ended.out


def test_tasks_that_know_no_truth(command, support):
    """A message, not an empty success."""
    ended = command("reference", "make", support / "toysuite", "--plugin", support / "toy.py")
    assert ended.code == 2
    assert "no task that matches '*' knows a way to its truth" in ended.err


def test_routes_that_hardly_agree(command, suite, monkeypatch):
    """The figure is said, and the exit code is 1."""
    monkeypatch.setattr(import_module("odebench.cli.reference"), "AGREED", 1e-30)
    ended = command("reference", "make", suite, "--only", "ivp/a2")
    assert ended.code == 1
    assert "no two routes agree to 1e-30: forward 1." in ended.out

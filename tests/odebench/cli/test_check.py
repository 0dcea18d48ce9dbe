"""``odebench check`` as a user calls it."""

from __future__ import annotations

import json

import pytest

from odebench.check import checks


@pytest.fixture
def few(monkeypatch):
    """Three checks in place of all: one that the toy passes, one that it fails, one that is not for it."""
    solver = {name: checks.SOLVER[name] for name in ("vector", "repeated times", "landing")}
    monkeypatch.setattr(checks, "SOLVER", solver)
    monkeypatch.setattr(checks, "GRADIENT", {})


def test_a_failure(command, support, few, tmp_path):
    """Its row has the figure, the bound and why; the exit code is 1; the file has the same rows."""
    file = tmp_path / "rows.json"
    ended = command("check", "toy/rk4/numeric", "--plugin", support / "toy.py", "--json", file)
    assert ended.code == 1
    lines = [line for line in ended.out.splitlines() if line.startswith("toy/rk4/numeric")]
    assert [line.split()[:3] for line in lines] == [
        ["toy/rk4/numeric", "vector", "pass"],
        ["toy/rk4/numeric", "repeated", "times"],
        ["toy/rk4/numeric", "landing", "n-a"],
    ]
    assert "takes no fixed step" in lines[2]
    assert ended.out.splitlines()[-1] == "3 passed, 1 failed, 1 not applicable"
    rows = json.loads(file.read_text())
    assert [row["verdict"] for row in rows] == ["pass", "pass", "pass", "fail", "n-a"]
    assert rows[2]["figure"] < 1e-5
    assert rows[3]["figure"] is None


def test_all_pass(command, support, few, monkeypatch):
    """Then the exit code is 0."""
    monkeypatch.setattr(checks, "SOLVER", {"vector": checks.SOLVER["vector"]})
    ended = command("check", support / "toy.py")
    assert ended.code == 0
    assert "registration" in ended.out
    assert ended.err.splitlines()[:2] == ["checking toy", "checking toy/dopri5/numeric"]  # where it is, off a terminal


def test_bad_input(command, support):
    """One line, and 2."""
    ended = command("check", "toy/rk5/numeric", "--plugin", support / "toy.py")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("Error: no backend matches 'toy/rk5/numeric'")
    ended = command("check", "faulty/absent/numeric", "--plugin", support / "toy.py", "--plugin", support / "faulty.py")
    assert (ended.code, ended.err) == (2, "Error: faulty/absent/numeric is not available: pip install no-such-dist\n")
    assert command("check").code == 2


def test_what_cannot_end_well_does_not_begin(command, support, few, tmp_path):
    """A file that cannot be written, a device that is none: one line, 2, and nothing was checked."""
    file = tmp_path / "absent" / "rows.json"
    ended = command("check", "toy/rk4/numeric", "--plugin", support / "toy.py", "--json", file)
    assert (ended.code, ended.out, ended.err) == (2, "", f"Error: --json {file}: No such file or directory\n")
    assert command("check", "toy/rk4/numeric", "--json", tmp_path).err == f"Error: --json {tmp_path}: Is a directory\n"
    ended = command("check", "toy/rk4/numeric", "--plugin", support / "toy.py", "--device", "tpu")
    assert (ended.code, ended.out, ended.err) == (
        2,
        "",
        "Error: --device tpu: toy has none here; did you mean 'cpu'? valid: abacus, cpu\n",
    )

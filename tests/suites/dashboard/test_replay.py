"""The replay: another commit's odebench, and nothing else of this checkout."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from odebench.dashboard.files import stored
from suites.dashboard import replay
from tests.odebench.dashboard.conftest import History, history, record  # noqa: F401  # a fixture

CLI = """
import multiprocessing, os, sys

def where(what):
    import odebench
    try:
        import odebench_torch
        plugin = odebench_torch.__file__
    except ModuleNotFoundError:
        plugin = "no plugin"
    print(what, odebench.__file__, plugin, os.environ["OMP_NUM_THREADS"], sys.argv[1:], flush=True)

def main():
    where("parent")
    worker = multiprocessing.get_context("spawn").Process(target=where, args=("worker",))
    worker.start()
    worker.join()
"""


def test_another_trees_code_is_run(tmp_path: Path) -> None:
    """In the process and in those that it spawns; a plugin that the tree lacks does not come from this checkout."""
    (tmp_path / "odebench").mkdir()
    (tmp_path / "odebench" / "__init__.py").touch()
    (tmp_path / "odebench" / "cli.py").write_text(CLI)
    ended = replay.run(tmp_path, ["run", "x"])
    init = tmp_path / "odebench" / "__init__.py"
    assert ended.stderr == ""
    assert ended.stdout.splitlines() == [f"{who} {init} no plugin 1 ['run', 'x']" for who in ("parent", "worker")]


def test_current_versions() -> None:
    """Of both tasks of the suite, by odebench's own digest."""
    versions = replay.current_versions()
    assert set(versions) == {"counters/spiral", "counters/vanderpol"}


class Past:
    """A history that is replayed with a suite which takes no time."""

    def __init__(self, history: History, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
        self.history = history
        self.ran: list[str] = []
        self.broken: set[str] = set()
        self.foreign: set[str] = set()
        self.trees: list[Path] = []
        monkeypatch.setattr(replay, "CHECKOUT", history.folder)
        monkeypatch.setattr(replay, "run", self.run)

    def run(self, tree: Path, arguments: list[str]) -> subprocess.CompletedProcess[str]:
        commit = History(tree).git("rev-parse", "HEAD")
        self.ran.append(commit)
        self.trees.append(tree)
        if commit in self.broken:
            return subprocess.CompletedProcess([], 2, "", "Error: unknown key 'solve'\n")
        facts: dict[str, Any] = replay.environment(replay.SUITE)
        del facts["odebench_git"]
        whose = "0" * 40 if commit in self.foreign else commit
        made = self.history.run(record(suite="counters", task="counters/spiral"), commit=whose, **facts)
        folder = Path(arguments[-1]) / "counters"
        folder.mkdir(parents=True)
        made.folder.rename(folder / "run")
        return subprocess.CompletedProcess([], 0, "", "")


def test_replay(history: History, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: F811
    """What does not run is said and left out, what is there is not run again, and no worktree is left."""
    past = Past(history, monkeypatch)
    hashes = [history.commit() for _ in range(4)]
    past.broken, past.foreign = {hashes[1]}, {hashes[2]}
    commits = [replay.find_commit(history.folder, name) for name in hashes]
    results = history.folder / "asv"
    replay.replay(commits, results)
    out = capsys.readouterr().out
    assert out.startswith("0 of 4 commits are there already\n[1/4] ")
    assert f"[2/4] {hashes[1][:8]} does not run: Error: unknown key 'solve'; " in out
    assert f"[3/4] {hashes[2][:8]} does not run: another commit's odebench was imported; " in out
    assert [file.data["commit_hash"] for file in stored(results)] == sorted([hashes[0], hashes[3]])
    found = {one.version for file in stored(results) for one in file.series.values()}
    assert found == set(replay.current_versions().values())
    assert not any(tree.exists() for tree in past.trees)
    assert history.git("worktree", "list").count("\n") == 0

    past.ran.clear()
    replay.replay(commits, results)
    assert capsys.readouterr().out.startswith("2 of 4 commits are there already\n")
    assert past.ran == hashes[1:3]


def test_commits_that_touch_the_project(history: History, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    """Those that change odebench or a plugin, the newest first; the others measure the same."""
    monkeypatch.setattr(replay, "CHECKOUT", history.folder)
    expected = []
    for name in ("odebench/a.py", "README.md", "plugins/b.py"):
        (history.folder / name).parent.mkdir(exist_ok=True)
        (history.folder / name).touch()
        history.git("add", name)
        commit = history.commit()
        expected += [] if name == "README.md" else [commit]
    assert [commit.hash for commit in replay.touching(5)] == expected[::-1]
    assert [commit.hash for commit in replay.touching(1)] == expected[:0:-1]


def test_help_is_light() -> None:
    """It says what it does without importing a framework."""
    ended = subprocess.run([sys.executable, replay.__file__, "--help"], capture_output=True, text=True, check=True)
    assert "--last N" in ended.stdout

"""A small repository with a history, and runs of its commits."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

from odebench.record import CellStatus, Record
from odebench.store import Store
from odebench.stored import StoredRun, read_run

FACTS = {
    "python": "3.11.7",
    "platform": "Linux-6.1-x86_64-with-glibc2.36",
    "cpu": "A Processor 9000",
    "cores": 4,
    "memory_bytes": 16e9,
    "packages": {"torch": "2.13.0", "jax": "0.10.2", "numpy": "2.0"},
}


def record(backend: str = "torch/dopri5/adjoint", status: str = "ok", **given: Any) -> Record:
    """A cell of task ``s/spiral`` of suite ``s``; ``metrics``, ``samples`` and configuration as in a record."""
    known = {"metrics": given.pop("metrics", {"nfe_forward": 20}), "samples": given.pop("samples", {})}
    config: dict[str, Any] = {"suite": "s", "task": "s/spiral", "backend": backend, "device": "cpu", "seed": 0}
    config |= {"dtype": "float64", "rtol": 1e-6, "atol": 1e-8, "num_steps": None, "options": {}}
    config |= given
    return Record(config, f"{crc32(json.dumps(config).encode()):012x}", "a row", CellStatus(status), **known)


@dataclass
class History:
    """A checkout with commits, and runs made of them."""

    folder: Path
    commits: int = 0

    def git(self, *arguments: str) -> str:
        command = ["git", "-C", str(self.folder), "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self) -> str:
        """A further commit, an hour after the one before."""
        self.commits += 1
        date = f"@{1_700_000_000 + 3600 * self.commits} +0000"
        self.git("commit", "--allow-empty", "--quiet", "-m", "a change", "--date", date)
        return self.git("rev-parse", "HEAD")

    def run(self, *records: Record, commit: str, dirty: bool = False, **facts: Any) -> StoredRun:
        """A stored run, as if made of that commit."""
        request = {"suite": "s", "preset": "quick", "plugins": [], "strict": False, "selection": {}}
        store = Store.create(self.folder / "results", "s", request)
        git = {"odebench_git": {"commit": commit, "dirty": dirty} if commit else {}}
        store.add_environment(FACTS | git | facts)
        for one in records:
            store.append(one)
        return read_run(store.folder)


@pytest.fixture
def history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> History:
    """A repository of no commit yet, with an ``asv.conf.json``, as the working directory."""
    folder = tmp_path / "repo"
    folder.mkdir()
    made = History(folder)
    made.git("init", "--quiet", "--initial-branch=main")
    config = {"version": 1, "project": "p", "repo": ".", "branches": ["main"], "benchmark_dir": ".",
              "html_dir": "html", "results_dir": "asv", "environment_type": "existing",
              "plugins": [".odebench.dashboard.offline"]}  # fmt: skip
    (folder / "asv.conf.json").write_text("// a comment, as asv allows\n" + json.dumps(config))
    monkeypatch.chdir(folder)
    return made

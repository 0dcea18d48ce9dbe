"""The toy framework, its suite, and odebench called as a user calls it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from odebench import cli
from odebench.measure.session import Session
from odebench.plan import Selection, plan
from odebench.registry import load_registry
from odebench.store import Store
from odebench.suite import Preset, Suite

SUPPORT = Path(__file__).parents[1] / "support"


@dataclass(frozen=True)
class Ended:
    """A command that ended."""

    code: int
    out: str
    err: str

    @property
    def folder(self) -> Path:
        """The folder of the run, as the last line of its table names it."""
        return Path(self.out.rpartition("Results: ")[2].strip())


@pytest.fixture(scope="session")
def support() -> Path:
    return SUPPORT


@pytest.fixture(scope="session")
def plugins() -> tuple[str, ...]:
    return tuple(str(SUPPORT / name) for name in ("toy.py", "faulty.py", "toysuite"))


@pytest.fixture(scope="session")
def registry(plugins):
    return load_registry(plugins, strict=True)


@pytest.fixture
def make_cells(registry):
    """The cells of a matrix (and whatever else a suite has), with the toys registered."""

    def make(matrix=None, *, preset=None, selection=None, registry=registry, **suite):
        default = {"tasks": ["toy/decay"], "backends": ["toy/dopri5/numeric"], "dtypes": ["float64"]}
        matrices = [default | given for given in (matrix if isinstance(matrix, list) else [matrix or {}])]
        model = Suite.model_validate(
            {"title": "", "default_preset": "p", "presets": {"p": preset or {}}, "matrix": matrices} | suite
        )
        return plan("made", model, model.presets["p"], registry, selection or Selection())

    return make


@pytest.fixture
def make_session(make_cells, registry):
    def make(task="toy/decay", backend="toy/dopri5/numeric", dtype="float64", **options):
        cells = make_cells({"tasks": [task], "backends": [backend], "dtypes": [dtype]}, preset={"options": options})
        return Session(cells[0], registry)

    return make


@pytest.fixture
def preset():
    return Preset()


@pytest.fixture
def command(capsys, monkeypatch):
    """Call the command line in this process: no worker may be needed, or the wait is the test's own."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["odebench", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capsys.readouterr()
        return Ended(ended.value.code or 0, captured.out, captured.err)

    return call


def start(folder: Path, *arguments: object, group: bool = False, **environment: str) -> subprocess.Popen[str]:
    """``odebench`` in a process of its own (and a process group of its own)."""
    # As in a terminal: a job that a shell runs in the background is started with Ctrl-C ignored, and hands that on.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    return subprocess.Popen(
        [sys.executable, "-m", "odebench", *map(str, arguments)],
        cwd=folder,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=group,
    )


@pytest.fixture(scope="session")
def started():
    return start


@pytest.fixture(scope="session")
def fates(tmp_path_factory, support, plugins):
    """The suite in which cells end in every way, run once from start to end: how it ended, its store, its events."""
    folder = tmp_path_factory.mktemp("fates")
    options = [word for plugin in (*plugins, str(support / "listener.py")) for word in ("--plugin", plugin)]
    events = folder / "events"
    process = start(folder, "run", support / "fates", *options, EVENTS=str(events))
    out, err = process.communicate(timeout=120)
    ended = Ended(process.returncode, out, err)
    return ended, Store(folder / ended.folder), events.read_text().splitlines()

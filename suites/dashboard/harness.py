"""asv benchmarks of the harness: what a user waits for before a cell begins, and what each cell pays for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from odebench.executor import Workers
from odebench.plan import Selection, plan
from odebench.record import Record
from odebench.registry import load_registry
from odebench.store import Store
from odebench.suite import read_suite

SUITE = Path(__file__).resolve().parents[1] / "mnist"


class Start:
    """A fresh process, to its end."""

    timeout = 120

    def time_import(self) -> None:
        subprocess.run([sys.executable, "-c", "import odebench"], check=True)

    def time_help(self) -> None:
        subprocess.run([sys.executable, "-m", "odebench", "--help"], check=True, capture_output=True)

    def time_list(self) -> None:
        subprocess.run([sys.executable, "-m", "odebench", "list", "solvers"], check=True, capture_output=True)


class Planning:
    """From a suite's folder to its cells, plugins included."""

    def time_plan(self) -> None:
        suite = read_suite(SUITE)
        plan("mnist", suite, suite.preset(None), load_registry((), [SUITE]), Selection())


class Cell:
    """What a cell pays to a harness that keeps its workers: asking one, hearing back, and a record on disk."""

    timeout = 120

    def setup(self) -> None:
        self.folder = TemporaryDirectory()
        self.store = Store(Path(self.folder.name))
        self.workers = Workers((), SUITE, self.store.folder)
        self.workers.ask("numpy", "cpu", 60.0, "hello", "cpu")
        config = {"suite": "s", "task": "t", "backend": "b", "device": "cpu", "dtype": "float64", "seed": 0}
        self.record = Record(config, "0" * 12, "row", metrics=dict.fromkeys(map(str, range(30)), 0.5))

    def teardown(self) -> None:
        self.workers.stop()
        self.folder.cleanup()

    def time_round_trip(self) -> None:
        self.workers.ask("numpy", "cpu", 60.0, "hello", "cpu")

    def time_append(self) -> None:
        self.store.append(self.record)

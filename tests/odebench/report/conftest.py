"""Runs as a report holds them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from odebench.record import CellStatus, Record
from odebench.report.document import Document
from odebench.store import Store
from odebench.stored import StoredRun, read_run

RESULTS = Path(__file__).parents[3] / "results"
METRICS = {"nfe_forward": 26.0, "vjps": 24.0, "forward_s": 0.0123, "gradient_error": 1.2e-4}


def make(
    row: str = "Row",
    backend: str = "torch/dopri5/adjoint",
    metrics: dict[str, float] | None = None,
    status: CellStatus = CellStatus.ok,
    reason: str = "",
    **config: Any,
) -> Record:
    base = {"suite": "s", "task": "t", "backend": backend, "device": "cpu", "dtype": "float64", "seed": 0}
    base |= {"framework": "torch", "library": "torch", "rtol": 1e-3, "num_steps": None, "options": {}, "solve": {}}
    name = json.dumps([row, backend, status, config])
    return Record(base | config, name, row, status, reason, metrics=METRICS if metrics is None else metrics)


@pytest.fixture(scope="session")
def cell():
    """A record of given row, backend, metrics, status, reason and configuration."""
    return make


@pytest.fixture
def written(tmp_path):
    """A report of records that lie on disk as a run."""

    def write(*records: Record, name: str = "r", **request: Any) -> Document:
        folder = tmp_path / "s" / name
        folder.mkdir(parents=True)
        store = Store(folder)
        asked = {"suite": "suites/s", "preset": "p", "plugins": [], "strict": False, "selection": {}}
        store.write("run.json", asked | request)
        for record in records:
            store.append(record)
        return Document([read_run(folder)])

    return write


@pytest.fixture(scope="session")
def held():
    """A report of records that lie nowhere."""

    def hold(*records: Record, **changes: Any) -> Document:
        run = StoredRun(Path("s/r"), "s", "p", list(records), **changes)
        document = Document([run])
        vars(document)["claims"] = []  # there are none of suite s, and reading all others takes its time
        return document

    return hold


@pytest.fixture(scope="session")
def committed():
    """A report of committed runs, each as ``suite/run``."""
    return lambda *names: Document([read_run(RESULTS / name) for name in names])

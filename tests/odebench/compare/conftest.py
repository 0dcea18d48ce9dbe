"""Runs made up to be compared: as objects, and as folders."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from odebench.compare.sides import Side, Taken
from odebench.record import CellStatus, Record
from odebench.stored import StoredRun

PLACE = {
    "cpu": "Made Up 9000",
    "logical_cores": 2,
    "memory_bytes": 8e9,
    "flags": {},
    "frameworks": {"toy": {"toy": "1.0", "threads": 2}},
    "packages": {"toy": "1.0", "peer": "0.1"},
    "odebench_git": {"commit": "a" * 40, "dirty": False},
    "tasks": {"made/decay": "0123456789ab", "made/line": "0123456789ab"},
}
CONFIG = {
    "suite": "made",
    "task": "made/decay",
    "backend": "toy/dopri5/numeric",
    "framework": "toy",
    "library": "toy",
    "device": "cpu",
    "dtype": "float64",
    "rtol": 1e-6,
    "num_steps": None,
    "seed": 0,
    "options": {},
}


def record(name="c1", *, status="ok", reason="", metrics=None, samples=None, **config):
    """A record of the configuration hash ``name``; ``metrics`` get the medians of ``samples``, as in a real one."""
    samples = samples or {}
    medians = {f"{kind}_s": sorted(values)[len(values) // 2] for kind, values in samples.items()}
    return Record(
        config=CONFIG | config,
        hash=name,
        row="",
        status=CellStatus(status),
        reason=reason,
        metrics=medians | (metrics or {}),
        samples=samples,
        started="2026-01-01T00:00:00+00:00",
    )


def side(records, *, name="A", environment=PLACE, preset="quick", origin=None):
    run = StoredRun(Path(name), "made", preset, list(records), environment=environment)
    return Side(name, [Taken(run, origin or name, (environment,) if environment else ())])


def write_run(folder: Path, records, *, environment=PLACE, preset="quick", **request) -> Path:
    """A run's folder as ``odebench run`` leaves it."""
    folder.mkdir(parents=True)
    asked = {"suite": "suites/made", "preset": preset, "plugins": [], "strict": False, "selection": {}} | request
    (folder / "run.json").write_text(json.dumps(asked))
    (folder / "environment.json").write_text(json.dumps(environment))
    (folder / "records.jsonl").write_text("".join(json.dumps(one.to_dict()) + "\n" for one in records))
    return folder


@pytest.fixture(name="record")
def make_record():
    return record


@pytest.fixture(name="side")
def make_side():
    return side


@pytest.fixture(name="write_run")
def make_folder():
    return write_run


@pytest.fixture
def place():
    return PLACE

"""What the harness itself costs beside its rivals: a cell, the wait for the first one, and for help."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from odebench.executor import Workers
from odebench.plan import Selection, plan
from odebench.registry import load_registry
from odebench.run import Run
from odebench.store import Store
from odebench.suite import read_suite

CHEAP = Path(__file__).parent / "cheap"
FRAMEWORKS = ("torch", "jax")
RIVALS = ("odebench", "benchopt", "asv")


def call(*command: object, folder: Path | None = None) -> None:
    subprocess.run([sys.executable, *map(str, command)], check=True, cwd=folder, capture_output=True)


def needs(distribution: str) -> None:
    if importlib.util.find_spec(distribution) is None:
        pytest.skip(f"not installed: pip install {distribution}")


@pytest.fixture(params=FRAMEWORKS)
def session(request: Any, tmp_path: Path) -> Iterator[tuple[Run, Any]]:
    """A run with a warm worker that has had one cell, and further cells without end."""
    suite = read_suite(CHEAP)
    registry = load_registry((), [CHEAP])
    (first,) = plan("cheap", suite, suite.preset("one"), registry, Selection(only=[f"framework={request.param}"]))
    workers = Workers((), CHEAP, tmp_path)
    run = Run(suite, suite.preset("one"), registry, workers, Store(tmp_path))
    try:
        run.execute([first])
        yield run, (replace(first, seed=seed) for seed in range(1, sys.maxsize))
    finally:
        workers.stop()


@pytest.mark.benchmark(group="a cell with a warm worker")
def test_cell(benchmark: Any, session: Any) -> None:
    """From asking the worker to the stored record. Of that, ``extra_info["work_s"]`` was the cell's own work: its
    first gradient, and a warm-up and a sample of each kind (in jax what compiles them)."""
    run, cells = session
    benchmark.pedantic(run.execute, setup=lambda: (([next(cells)],), {}), rounds=10)
    records = run.store.records()
    assert len(records) == 11
    work = sorted(
        r.metrics["first_call_s"] + 2 * sum(sum(samples) for samples in r.samples.values()) for r in records[1:]
    )
    benchmark.extra_info["work_s"] = work[len(work) // 2]


@pytest.mark.benchmark(group="a cell with a warm worker")
def test_fresh_process(benchmark: Any) -> None:
    """The rival: a process a cell, as asv and pyperf have it, without even importing a framework."""
    benchmark.pedantic(call, ("-c", "pass"), rounds=10)


@pytest.mark.benchmark(group="ten cells, from the command to its end")
@pytest.mark.parametrize("name", RIVALS)
def test_ten_cells(benchmark: Any, name: str, tmp_path: Path) -> None:
    """Each writes its results in its way, odebench a report besides; asv is told to take one sample of one call."""
    needs(name)
    shutil.copytree(CHEAP, tmp_path / "cheap")
    command: tuple[object, ...]
    if name == "odebench":
        command = ("run", "cheap", "--preset", "many", "--only", "framework=numpy")
    elif name == "benchopt":
        command = ("run", "cheap/for_benchopt", "-n", "1", "--no-plot", "--no-cache")
    else:
        about = {"version": 1, "project": "cheap", "repo": str(CHEAP.parents[2]), "environment_type": "virtualenv"}
        (tmp_path / "asv.conf.json").write_text(json.dumps(about | {"benchmark_dir": "cheap/for_asv"}))
        call("-m", "asv", "machine", "--yes", folder=tmp_path)
        command = ("run", "--python=same")
    benchmark.pedantic(call, ("-m", name, *command), {"folder": tmp_path}, rounds=1)


@pytest.mark.benchmark(group="start to the first cell")
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_first_cell(benchmark: Any, framework: str, tmp_path: Path) -> None:
    """Until the worker is there and the first cell begins: a listener ends the command there."""
    command = ("-m", "odebench", "run", CHEAP, "--only", f"framework={framework}", "--plugin", CHEAP / "leave.py")
    benchmark.pedantic(call, command, {"folder": tmp_path}, rounds=3)


@pytest.mark.benchmark(group="start to the first cell")
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_import(benchmark: Any, framework: str) -> None:
    """The least that it could take: a process that imports the framework."""
    benchmark.pedantic(call, ("-c", f"import {framework}"), rounds=3)


@pytest.mark.benchmark(group="--help")
@pytest.mark.parametrize("name", RIVALS)
def test_help(benchmark: Any, name: str) -> None:
    needs(name)
    benchmark.pedantic(call, ("-m", name, "--help"), rounds=3)

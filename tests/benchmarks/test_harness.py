"""What the harness itself costs a cell: the round trip to a warm worker, beside a fresh process for each cell."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from odebench.executor import Workers

SUITE = Path(__file__).parents[2] / "suites" / "mnist"


@pytest.mark.benchmark(group="harness")
def test_round_trip(benchmark: Any, tmp_path: Path) -> None:
    """Asking a warm worker and hearing back: what a cell pays beyond its own work."""
    workers = Workers((), SUITE, tmp_path)
    try:
        workers.ask("torch", "cpu", 60.0, "hello", "cpu")
        benchmark(workers.ask, "torch", "cpu", 60.0, "hello", "cpu")
    finally:
        workers.stop()


@pytest.mark.benchmark(group="harness")
def test_fresh_process(benchmark: Any) -> None:
    """The rival: a process a cell, as asv and pyperf have it, without even importing a framework."""
    command = [sys.executable, "-c", "pass"]
    benchmark.pedantic(subprocess.run, (command,), {"check": True}, rounds=5)

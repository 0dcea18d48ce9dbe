"""A plugin that listens to the life of cells: it writes to the file that EVENTS names, and fails when asked to."""

from __future__ import annotations

import os
from pathlib import Path

import odebench


def _write(line):
    with Path(os.environ["EVENTS"]).open("a") as file:
        file.write(line + "\n")


@odebench.hookimpl
def odebench_cell_started(cell):
    _write(f"started {cell.task} {cell.backend}")
    if cell.backend in os.environ.get("EVENTS_FAIL", ""):
        raise RuntimeError("the listener is broken")


@odebench.hookimpl
def odebench_cell_finished(cell, record):
    _write(f"finished {cell.task} {cell.backend} {record.status}")

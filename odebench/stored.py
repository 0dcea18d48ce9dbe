"""A run as it lies on disk, read with suspicion: what is there is given, what is wrong with it is said."""

from __future__ import annotations

import os
import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from odebench.errors import UserError
from odebench.record import CellStatus, Record
from odebench.store import Store

_IDENTITY = {"task", "backend"}


@dataclass(frozen=True)
class StoredRun:
    """A stored run of a preset of a suite.

    :param environment: where its first part was made (:func:`odebench.environment.environment`); empty when unknown.
    :param notes: what a reader must know: cells that are missing, lines that are damaged, a resume elsewhere.
    :param title: in place of a name that another run has, too.
    """

    folder: Path
    suite: str
    preset: str
    records: list[Record]
    request: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    title: str = ""

    @property
    def name(self) -> str:
        """``suite/run``; more of the folder where that is another's name, too."""
        return self.title or f"{self.suite}/{self.folder.resolve().name}"

    @property
    def narrowed(self) -> str:
        """By what the command line left cells out, or brought others in; empty for the whole preset."""
        chosen = self.request.get("selection", {})
        return ", ".join(word for key in ("only", "backends") for word in chosen.get(key, ()))

    @property
    def newest(self) -> str:
        """When its last cell began."""
        return max((record.started for record in self.records), default="")

    @property
    def command(self) -> str:
        """What was typed, quoted so that it can be typed again."""
        return shlex.join(self.request.get("command", ()))

    @property
    def store(self) -> Store:
        return Store(self.folder)


def apart(runs: Sequence[StoredRun]) -> list[StoredRun]:
    """The runs, each folder once; those of one name are called by as much of their folders as tells them apart."""
    once = {run.folder.resolve(): run for run in runs}
    of_name: dict[str, list[Path]] = {}
    for folder, run in once.items():
        of_name.setdefault(run.name, []).append(folder)
    titled = []
    for folder, run in once.items():
        same = of_name[run.name]
        titled.append(replace(run, title=os.path.relpath(folder, os.path.commonpath(same))) if len(same) > 1 else run)
    return titled


def read_run(reference: Path) -> StoredRun:
    """A run, given its folder or its records' file.

    :raises UserError: where there is none, or it is of a newer schema, or does not say what was asked for.
    """
    store = Store.open(reference)
    request = store.request()
    found, damaged = store.read_records()
    records = [record for record in found if record.config.keys() >= _IDENTITY]
    damaged += len(found) - len(records)
    notes = []
    environment: dict[str, Any] = {}
    elsewhere = []
    try:
        environment = store.read("environment.json")
        elsewhere = [file.name for file in store.folder.glob("environment-*.json")
                     if store.read(file.name).get("cpu") != environment.get("cpu")]  # fmt: skip
    except UserError as error:
        notes.append(f"where it was made is not known: {error}")
    planned = request.get("cells")
    if planned is not None and len(records) < planned:
        notes.append(f"unfinished: {len(records)} of {planned} cells; go on with: odebench resume {store.folder}")
    if damaged:
        notes.append(f"{damaged} lines of its records are damaged, and left out")
    if elsewhere:
        notes.append(f"resumed on another processor: {', '.join(sorted(elsewhere))}")
    if not any(record.status is CellStatus.ok for record in records):
        ends = ", ".join(f"{n} {status}" for status, n in Counter(record.status for record in records).items())
        notes.append(f"no cell ended well: {ends or 'there is no record'}")
    suite = Path(request["suite"]).resolve().name
    return StoredRun(store.folder, suite, str(request["preset"]), records, request, environment, notes)

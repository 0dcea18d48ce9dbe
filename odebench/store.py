"""A run on disk: ``results/<suite>/<run id>/``, append-only while it runs, tables for pandas at the end.

``run.json`` what was asked for, enough to resume; ``environment.json`` where; ``records.jsonl`` one line a cell;
``records.csv``, ``records.parquet``, ``samples.parquet``, ``curves.parquet`` the same as tables; and the folders
``outputs`` (arrays for pictures, a file a cell), ``references``, ``checkpoints`` and ``logs``.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import time
from collections.abc import Iterable
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from odebench.errors import UserError
from odebench.record import SCHEMA, Record

if TYPE_CHECKING:
    import pandas as pd

RECORDS = "records.jsonl"
SYNC_EVERY = 1.0
"""Seconds between two waits for the disk, each of some milliseconds: what cheap cells would mostly consist of."""


class Store:
    """The folder of one run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._synced = -math.inf

    @classmethod
    def create(cls, results: Path, suite: str, request: dict[str, Any]) -> Store:
        """A new run's folder. :raises UserError: when it cannot be written."""
        stem = datetime.now().strftime("%Y%m%d-%H%M%S")
        try:
            (results / suite).mkdir(parents=True, exist_ok=True)
            store = cls(_new_folder(results / suite, stem))
            store.write("run.json", request)
        except OSError as error:
            raise UserError(f"cannot write results to {results / suite}: {error.strerror}") from error
        return store

    @classmethod
    def open(cls, reference: Path) -> Store:
        """An existing run. :raises UserError: when there is none."""
        folder = reference.parent if reference.name == RECORDS else reference
        if not (folder / "run.json").is_file():
            runs = sorted(str(path.parent) for path in Path("results").glob("*/*/run.json"))[-5:]
            raise UserError(f"{reference} is no run; the latest: {', '.join(runs) or 'none'}")
        return cls(folder)

    def write(self, name: str, data: Any) -> None:
        (self.folder / name).write_text(json.dumps(data, indent=2, default=str) + "\n", encoding="utf-8")

    def request(self) -> dict[str, Any]:
        """What the run was asked for. :raises UserError: when its file does not say."""
        from odebench.boundary import checked_request

        found = self.read("run.json")
        try:
            return checked_request(found)
        except ValueError as error:
            raise UserError(f"{self.folder / 'run.json'} does not say what was asked for: {error}") from error

    def read(self, name: str) -> dict[str, Any]:
        """A file's JSON object; empty where there is no such file. :raises UserError: when it holds none."""
        from odebench.boundary import loads

        file = self.folder / name
        try:
            found = loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        except OSError as error:
            raise UserError(f"cannot read {file}: {error.strerror}") from error
        except ValueError as error:
            raise UserError(f"{file}: not valid JSON: {error}") from error
        if not isinstance(found, dict):
            raise UserError(f"{file}: no JSON object")
        return found

    def add_environment(self, data: dict[str, Any]) -> None:
        """Where it runs: ``environment.json``, and ``environment-2.json``… for each time that it is resumed."""
        before = len(list(self.folder.glob("environment*.json")))
        self.write(f"environment-{before + 1}.json" if before else "environment.json", data)

    def log(self, line: str) -> None:
        """Add a line to the run's own log, beside its workers'."""
        (self.folder / "logs").mkdir(exist_ok=True)
        with (self.folder / "logs" / "run.log").open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    def append(self, record: Record) -> None:
        """Add one record, in the system's hands before this returns: a process that dies loses none. Where less than
        :data:`SYNC_EVERY` has passed since the last wait for the disk, it is not waited for: a power failure loses what
        was measured within that time, at most."""
        with (self.folder / RECORDS).open("ab+") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                if file.read() != b"\n":
                    file.write(b"\n")  # end the line that an interrupted run left half written
            file.write(json.dumps(record.to_dict()).encode() + b"\n")
            file.flush()
            if time.monotonic() - self._synced >= SYNC_EVERY:
                os.fsync(file.fileno())
                self._synced = time.monotonic()

    def keep_outputs(self, cell: str, arrays: dict[str, Any]) -> None:
        """Store a cell's arrays: see :class:`odebench.contract.PicturedTask`."""
        import numpy as np

        (self.folder / "outputs").mkdir(exist_ok=True)
        file = self.folder / "outputs" / f"{cell}.npz"
        partial = file.with_suffix(".partial.npz")
        np.savez_compressed(partial, allow_pickle=False, **arrays)
        partial.replace(file)

    def outputs(self, cell: str) -> dict[str, Any]:
        """A cell's arrays, by its hash; none where it left none."""
        import numpy as np

        file = self.folder / "outputs" / f"{cell}.npz"
        if not file.exists():
            return {}
        with np.load(file) as stored:
            return dict(stored)

    def discard(self) -> None:
        """Remove the run's folder."""
        shutil.rmtree(self.folder)

    def records(self) -> list[Record]:
        """The records so far, the last one for each cell."""
        return self.read_records()[0]

    def read_records(self) -> tuple[list[Record], int]:
        """The records so far, and how many lines are none: the power failed while they were written.

        :raises UserError: for records of a newer schema, or when the file cannot be read.
        """
        from odebench.boundary import loads

        file = self.folder / RECORDS
        found: dict[str, Record] = {}
        damaged = 0
        try:
            lines = file.read_text(encoding="utf-8", errors="replace").splitlines() if file.exists() else []
        except OSError as error:
            raise UserError(f"cannot read {file}: {error.strerror}") from error
        for line in lines:
            try:
                data = loads(line)
                schema = data["schema"]
                if schema > SCHEMA:
                    raise UserError(f"{file} is of schema {schema}; this odebench reads up to {SCHEMA}: upgrade it")
                record = Record.from_dict(data)
            except (ValueError, TypeError, KeyError):
                damaged += 1
                continue
            found[record.hash] = record
        return list(found.values()), damaged

    def write_tables(self) -> None:
        records = self.records()
        table = _table(records, self.folder)
        table.to_csv(self.folder / "records.csv", index=False)
        curves = _curves((record, self.folder) for record in records)
        for name, one in (("records", table), ("samples", _samples(records)), ("curves", curves)):
            with (self.folder / f"{name}.parquet").open("wb") as file:  # pyarrow opens no path that is not UTF-8
                one.to_parquet(file, index=False)


def _new_folder(parent: Path, stem: str) -> Path:
    """A folder that was not there before, whoever else makes one at this moment."""
    for n in count(1):
        folder = parent / (stem if n == 1 else f"{stem}-{n}")
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        break
    return folder


def _cell_of_table(value: Any) -> Any:
    """Lists and tables as JSON: a column of a table holds one kind of thing."""
    return json.dumps(value) if isinstance(value, (list, dict)) else value


def _who(record: Record) -> dict[str, Any]:
    """The configuration, flat: what tells a row of a table from another's."""
    config = {k: v for k, v in record.config.items() if k not in ("options", "solve")}
    for prefix, name in (("option", "options"), ("solve", "solve")):
        config |= {f"{prefix}_{k}": _cell_of_table(v) for k, v in record.config.get(name, {}).items()}
    return config


def _frame(rows: list[dict[str, Any]], columns: list[str] | None = None) -> pd.DataFrame:
    """A table whose columns hold one kind of thing each: text, where an option is a number here and a word there."""
    import pandas as pd

    table = pd.DataFrame(rows, columns=columns)
    for name in [name for name in table if table[name].dtype.kind == "O"]:
        kinds = {type(value) for value in table[name].dropna()}
        if len(kinds) > 1 and not kinds <= {int, float}:
            table[name] = table[name].map(lambda x: x if isinstance(x, str) else json.dumps(x), na_action="ignore")
    return table


def _name(folder: Path) -> str:
    """Without the bytes that are no letters: no table can hold them."""
    return os.fsencode(folder.name).decode("utf-8", "replace")


def _table(records: list[Record], folder: Path) -> pd.DataFrame:
    rows = []
    for record in records:
        head = {"row": record.row, "status": str(record.status), "reason": record.reason}
        who = _who(record)
        options = {k: who.pop(k) for k in list(who) if k.startswith(("option_", "solve_"))}
        tail = {
            "unlike": record.unlike,
            "seconds": record.seconds,
            "started": record.started,
            "hash": record.hash,
            "run": _name(folder),
        }
        rows.append(head | who | record.metrics | options | tail)
    return _frame(rows)


def _samples(records: list[Record]) -> pd.DataFrame:
    import pandas as pd

    rows = [
        {"hash": record.hash, "kind": kind, "index": i, "seconds": seconds}
        for record in records
        for kind, samples in record.samples.items()
        for i, seconds in enumerate(samples)
    ]
    return pd.DataFrame(rows, columns=["hash", "kind", "index", "seconds"])


def _curves(records: Iterable[tuple[Record, Path]]) -> pd.DataFrame:
    """:param records: each with the folder of its run."""
    rows = [
        {"row": r.row, **_who(r), "hash": r.hash, "run": _name(folder), "status": str(r.status), **point}
        for r, folder in records
        for point in r.curve
    ]
    return _frame(rows, None if rows else ["row", "task", "backend", "seed", "hash", "run", "status", "step", "loss"])


def load_curves(path: str | os.PathLike[str]) -> pd.DataFrame:
    """One row a point of a training curve, of a run, or of every run at or below a folder.

    Columns: ``row``, the configuration, ``option_*``, ``solve_*``, ``hash``, ``run`` and ``status`` of the cell;
    ``step`` and ``loss``; and of a preset with ``count_every`` what was measured at that step: ``train_s`` (seconds of
    training until then), ``nfe_forward``, ``nfe_backward``, ``vjps``, ``memory_bytes``, ``reconstruction_error`` and
    whatever else counting tells. A cell that diverged or was killed has the curve until then.

    :raises UserError: when there is no run at or below ``path``.
    """
    folders = [file.parent for file in _record_files(Path(path))]
    return _curves((record, folder) for folder in folders for record in Store(folder).records())


def _record_files(path: Path) -> list[Path]:
    files = [path] if path.name == RECORDS else sorted(path.rglob(RECORDS))
    if not files or not files[0].exists():
        raise UserError(f"{path}: there is no {RECORDS} at or below it")
    return files


def load_results(path: str | os.PathLike[str]) -> pd.DataFrame:
    """One row a record, from a run's folder, its ``records.jsonl``, or any folder above runs.

    Columns: ``row``, ``status``, ``reason``, the configuration, one column a metric, ``option_*``, ``solve_*``,
    ``run``.
    A run that is still going, or was interrupted, gives the records it has.

    :raises UserError: when there is no run at or below ``path``.
    """
    import pandas as pd

    files = _record_files(Path(path))
    return pd.concat([_table(Store(file.parent).records(), file.parent) for file in files], ignore_index=True)

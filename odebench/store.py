"""A run on disk: ``results/<suite>/<run id>/``, append-only while it runs, tables for pandas at the end.

``run.json`` what was asked for, enough to resume; ``environment.json`` where; ``records.jsonl`` one line a cell;
``records.csv``, ``records.parquet``, ``samples.parquet``, ``curves.parquet`` the same as tables; and the folders
``outputs`` (arrays for pictures, a file a cell), ``references``, ``checkpoints`` and ``logs``.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from odebench.errors import UserError
from odebench.record import SCHEMA, Record

if TYPE_CHECKING:
    import pandas as pd

RECORDS = "records.jsonl"


class Store:
    """The folder of one run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

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
        file = self.folder / "run.json"
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise UserError(f"{file}: not valid JSON: {error}") from error
        if not isinstance(found, dict) or not {"suite", "preset", "plugins", "strict", "selection"} <= found.keys():
            raise UserError(f"{file} does not say what was asked for")
        return found

    def read(self, name: str) -> Any:
        file = self.folder / name
        return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}

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
        """Add one record, on disk before this returns, so that nothing measured is lost."""
        with (self.folder / RECORDS).open("ab+") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                if file.read() != b"\n":
                    file.write(b"\n")  # end the line that an interrupted run left half written
            file.write(json.dumps(record.to_dict()).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def keep_outputs(self, cell: str, arrays: dict[str, Any]) -> None:
        """Store a cell's arrays: see :class:`odebench.contract.PicturedTask`."""
        import numpy as np

        (self.folder / "outputs").mkdir(exist_ok=True)
        np.savez_compressed(self.folder / "outputs" / f"{cell}.npz", allow_pickle=False, **arrays)

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
        found = {record.hash: record for record in _read_records(self.folder / RECORDS)}
        return list(found.values())

    def write_tables(self) -> None:
        records = self.records()
        table = _table(records, self.folder)
        table.to_csv(self.folder / "records.csv", index=False)
        table.to_parquet(self.folder / "records.parquet", index=False)
        _samples(records).to_parquet(self.folder / "samples.parquet", index=False)
        curves(records).to_parquet(self.folder / "curves.parquet", index=False)


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


def _read_records(file: Path) -> Iterator[Record]:
    if not file.exists():
        return
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            data = json.loads(line)
            schema = data["schema"]
        except (ValueError, TypeError, KeyError):
            continue  # the power failed in the middle of this line; every whole record counts
        if schema > SCHEMA:
            raise UserError(f"{file} is of schema {schema}; this odebench reads up to {SCHEMA}: upgrade it")
        yield Record.from_dict(data)


def _cell_of_table(value: Any) -> Any:
    """Lists and tables as JSON: a column of a table holds one kind of thing."""
    return json.dumps(value) if isinstance(value, (list, dict)) else value


def _table(records: list[Record], folder: Path) -> pd.DataFrame:
    import pandas as pd

    rows = []
    for record in records:
        config = {k: v for k, v in record.config.items() if k not in ("options", "solve")}
        options = {f"option_{k}": _cell_of_table(v) for k, v in record.config["options"].items()}
        options |= {f"solve_{k}": _cell_of_table(v) for k, v in record.config.get("solve", {}).items()}
        head = {"row": record.row, "status": str(record.status), "reason": record.reason}
        tail = {
            "unlike": record.unlike,
            "seconds": record.seconds,
            "started": record.started,
            "hash": record.hash,
            "run": folder.name,
        }
        rows.append(head | config | record.metrics | options | tail)
    return pd.DataFrame(rows)


def _samples(records: list[Record]) -> pd.DataFrame:
    import pandas as pd

    rows = [
        {"hash": record.hash, "kind": kind, "index": i, "seconds": seconds}
        for record in records
        for kind, samples in record.samples.items()
        for i, seconds in enumerate(samples)
    ]
    return pd.DataFrame(rows, columns=["hash", "kind", "index", "seconds"])


def curves(records: Iterable[Record]) -> pd.DataFrame:
    """One row a point of a training curve: who (``row``, ``task``, ``backend``, ``seed``, ``hash``), and what was
    measured at that ``step``."""
    import pandas as pd

    keys = ("task", "backend", "seed")
    rows = [
        {"row": r.row, **{key: r.config[key] for key in keys}, "hash": r.hash, **point}
        for r in records
        for point in r.curve
    ]
    return pd.DataFrame(rows, columns=None if rows else ["row", *keys, "hash", "step", "loss"])


def load_curves(path: str | os.PathLike[str]) -> pd.DataFrame:
    """The training curves of a run, or of every run at or below a folder: see :func:`curves`.

    :raises UserError: when there is no run.
    """
    return curves(record for file in _record_files(Path(path)) for record in Store(file.parent).records())


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

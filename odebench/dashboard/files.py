"""asv's own result files (of api version 2): read, merged with what is new, and written.

``MACHINE/machine.json`` tells of a machine, ``MACHINE/HASH-ENVIRONMENT.json`` holds what one commit measured there, and
``benchmarks.json`` names every benchmark, without which asv shows no result of it. A file of ours is one whose
environment begins with :data:`PREFIX`; of any other nothing is changed.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from odebench.dashboard.series import AXES, Figures, Series, unit
from odebench.errors import UserError

VERSION = 2
PREFIX = "odebench-"
LONGEST = 150
"""Letters of the name of a machine or an environment, which is a file's."""
_STATISTICS = ("ci_99_a", "ci_99_b", "q_25", "q_75", "number", "repeat")
_COLUMNS = ("result", "params", "version", "started_at", "duration", *(f"stats_{name}" for name in _STATISTICS))


@dataclass(frozen=True)
class Place:
    """Where a commit was measured.

    :param machine: facts about the machine; its name is under ``machine``.
    :param facets: what else tells series apart, as the version of torch.
    """

    machine: dict[str, str]
    python: str
    facets: dict[str, str]

    @property
    def environment(self) -> str:
        words = [f"py{self.python}", *(f"{name}{value}" for name, value in self.facets.items())]
        return PREFIX + re.sub(r"[^\w.+-]", "_", "-".join(words))[:LONGEST]


@dataclass
class CommitFile:
    """``MACHINE/HASH-ENVIRONMENT.json``, as far as it is ours; what else is in there is kept."""

    path: Path
    data: dict[str, Any]
    series: dict[str, Series] = field(default_factory=dict)

    @classmethod
    def open(cls, results: Path, place: Place, commit: str, date: int) -> CommitFile:
        """:param date: the commit's, in milliseconds."""
        machine = place.machine["machine"]
        path = results / machine / f"{commit[:8]}-{place.environment}.json"
        if path.exists():
            return cls.read(path)
        params = {"machine": machine, "cpu": place.machine["cpu"], "python": place.python, **place.facets}
        return cls(path, {"commit_hash": commit, "env_name": place.environment, "date": date, "params": params,
                          "python": place.python, "requirements": {}, "env_vars": {}, "durations": {},
                          "version": VERSION})  # fmt: skip

    @classmethod
    def read(cls, path: Path) -> CommitFile:
        """:raises UserError: for a file that is none of asv's."""
        data = read_json(path)
        try:
            columns = data["result_columns"]
            rows = {name: dict(zip(columns, row, strict=False)) for name, row in data["results"].items()}
            ours = {name: _series(row) for name, row in rows.items() if _is_ours(name, row)}
            return cls(path, data, {name: one for name, one in ours.items() if one.points})
        except (KeyError, TypeError, AttributeError) as error:
            raise UserError(f"{path} is no result file of asv: {type(error).__name__}: {error}") from error

    def write(self) -> bool:
        """Write it, unless it says the same already. :returns: whether it was written."""
        columns = self.data.get("result_columns", list(_COLUMNS))
        rows = {name: _row(one, columns) for name, one in self.series.items()}
        results = self.data.get("results", {}) | rows
        data = self.data | {"result_columns": columns, "results": {name: results[name] for name in sorted(results)}}
        return write_json(self.path, data)


def _is_ours(name: str, row: dict[str, Any]) -> bool:
    return bool(unit(name.rpartition(".")[2])) and len(row["params"]) == len(AXES)


def _series(row: dict[str, Any]) -> Series:
    found = Series(row.get("version"))
    for i, point in enumerate(product(*row["params"])):
        value = row["result"][i] if row["result"] is not None else None
        if value is None or not math.isnan(value):
            told = {name: row[f"stats_{name}"][i] for name in _STATISTICS if row.get(f"stats_{name}") is not None}
            found.points[point] = {"result": value, **{name: x for name, x in told.items() if x is not None}}
    return found


def _row(series: Series, columns: list[str]) -> list[Any]:
    """What asv keeps of a benchmark: lists over the product of its parameters, NaN where a cell was skipped."""
    params = axes(series)
    missing: Figures = {"result": math.nan}
    points = [series.points.get(point, missing) for point in product(*params)]
    row: dict[str, Any] = {"params": params, "version": series.version}
    row["result"] = [point["result"] for point in points]
    for name in _STATISTICS:
        numbers = [point.get(name) for point in points]
        row[f"stats_{name}"] = None if all(number is None for number in numbers) else numbers
    filled = [row.get(column) for column in columns]
    while filled[-1] is None:
        filled.pop()
    return filled


def axes(series: Series) -> list[list[str]]:
    """The values along each axis, sorted, numbers in words by their size."""
    return [sorted(set(axis), key=_natural) for axis in zip(*series.points, strict=True)]


def _natural(text: str) -> tuple[list[str], list[float], str]:
    number = r"\d+(?:\.\d+)?(?:e[+-]?\d+)?"
    return re.split(number, text), [float(found) for found in re.findall(number, text)], text


def write_machine(results: Path, place: Place) -> None:
    """Say once what machine it is."""
    path = results / place.machine["machine"] / "machine.json"
    if not path.exists():
        write_json(path, {**place.machine, "version": 1}, indent=4)


def write_benchmarks(results: Path) -> int:
    """Name every series of the stored commits in ``benchmarks.json``, beside the benchmarks that asv itself found.

    ``asv run`` leaves nothing there but what it found itself, so this is done after it, too.

    :returns: how many series there are.
    """
    path = results / "benchmarks.json"
    before = read_json(path) if path.exists() else {}
    ours = [name for name, one in before.items() if isinstance(one, dict) and one.get("param_names") == list(AXES)]
    named = {name: one for name, one in before.items() if name not in ours}
    found: dict[str, Series] = {}
    for file in sorted(stored(results), key=lambda file: (file.data["date"], file.path)):
        for name, one in file.series.items():
            found[name] = found[name].merged(one) if name in found else one
    named |= {name: _benchmark(name, one) for name, one in found.items()}
    write_json(path, named | {"version": VERSION}, indent=4)
    return len(found)


def stored(results: Path) -> Iterator[CommitFile]:
    """What was exported to a folder before."""
    for path in sorted(results.glob(f"*/*-{PREFIX}*.json")):
        yield CommitFile.read(path)


def known(results: Path) -> list[str]:
    """Names of benchmarks that there are."""
    path = results / "benchmarks.json"
    return [name for name in read_json(path) if name != "version"] if path.exists() else []


def _benchmark(name: str, series: Series) -> dict[str, Any]:
    where, _, metric = name.rpartition(".")
    suite, _, task = where.partition(".")
    return {
        "code": f"# odebench run suites/{suite}\n# {metric} of {task}, of every backend",
        "name": name,
        "param_names": list(AXES),
        "params": axes(series),
        "timeout": 60.0,
        "type": "track",
        "unit": unit(metric),
        "version": series.version or "1",
    }


def read_json(path: Path) -> dict[str, Any]:
    """:raises UserError: naming the file."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise UserError(f"{path}: not valid JSON: {error}") from error
    if not isinstance(data, dict):
        raise UserError(f"{path} is no file of asv: it holds no table")
    return data


def write_json(path: Path, data: dict[str, Any], indent: int | None = None) -> bool:
    """Whole or not at all. :returns: whether it was written: what says the same already is left as it is."""
    text = json.dumps(data, indent=indent, sort_keys=indent is not None) + "\n"
    try:
        if path.exists() and path.read_text(encoding="utf-8") == text:
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(path.name + ".partial")
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from error
    return True

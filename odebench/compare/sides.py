"""What A and B stand for: a run's folder, its records' file, a git revision, or a run committed at one."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from odebench.compare.machine import table
from odebench.compare.revisions import commit_of, extract
from odebench.errors import UserError
from odebench.record import Record
from odebench.store import RECORDS, Store
from odebench.stored import StoredRun, read_run

_NEEDED = {"suite", "task", "backend", "device", "dtype"}


@dataclass(frozen=True)
class Taken:
    """A run that was taken.

    :param origin: where from, in words.
    :param environments: of each time that it was started or resumed; empty when unknown.
    """

    run: StoredRun
    origin: str
    environments: tuple[dict[str, Any], ...] = ()

    @property
    def environment(self) -> dict[str, Any]:
        """Of its first part."""
        return self.environments[0] if self.environments else {}

    @cached_property
    def tasks(self) -> dict[str, str]:
        """The version of each task that was measured; of one that changed before the run was resumed none."""
        parts = [table(environment, "tasks") for environment in self.environments]
        first = parts[0] if parts else {}
        return {name: str(digest) for name, digest in first.items() if all(p.get(name) == digest for p in parts)}

    @property
    def place(self) -> str:
        """``suite/preset``."""
        return f"{self.run.suite}/{self.run.preset}"


@dataclass(frozen=True)
class Cell:
    """A record and the run that it is of."""

    record: Record
    run: Taken


@dataclass(frozen=True)
class Side:
    """A or B.

    :param name: what was typed.
    :param notes: what a reader must know of its runs.
    """

    name: str
    runs: Sequence[Taken]
    notes: Sequence[str] = ()

    def cells(self) -> dict[str, list[Cell]]:
        """By configuration hash its record in every run that has one, the newest first."""
        found: dict[str, list[Cell]] = {}
        for taken in self.runs:
            for record in taken.run.records:
                found.setdefault(record.hash, []).append(Cell(record, taken))
        for rivals in found.values():
            rivals.sort(key=lambda cell: cell.record.started, reverse=True)
        return found


def find_side(reference: str) -> Side:
    """The runs that a word on the command line stands for. What exists as a path is one.

    Of a revision, those in ``results`` that odebench made as it is there; else those that are committed there. Of
    several runs of one preset the newest.

    :raises UserError: where it stands for no run, or for none with a record.
    """
    if _exists(reference):
        return _side(reference, _runs_at(Path(reference)), str)
    revision, colon, inside = reference.partition(":")
    commit = commit_of(revision)
    if made := [] if colon else _made_at(commit):
        return _side(reference, made, lambda text: text, f", made at {commit[:10]}")
    with tempfile.TemporaryDirectory(prefix="odebench-") as folder:
        inside = inside.removesuffix(f"/{RECORDS}") if colon else "results"
        found = extract(commit, inside, Path(folder), reference)
        return _side(reference, _runs_at(found), lambda text: text.replace(f"{folder}/", f"{commit[:10]}:"))


def _exists(reference: str) -> bool:
    try:
        return bool(reference) and Path(reference).exists()
    except OSError:  # a name that is too long for one
        return False


def _runs_at(path: Path) -> list[Path]:
    if path.is_file() or (path / "run.json").exists() or (path / RECORDS).exists():
        return [path]
    found = sorted(file.parent for file in path.rglob(RECORDS))
    if not found:
        raise UserError(
            f"{path} is no run, and there is none below it: no {RECORDS}; a revision of that name is {path}:results"
        )
    return found


def _made_at(commit: str) -> list[Path]:
    """The runs in ``results`` that were made by odebench as it is at a commit."""
    found = []
    for file in sorted(Path("results").glob(f"*/*/{RECORDS}")):
        git = [table(environment, "odebench_git") for environment in _environments(file.parent)]
        if git and all(one.get("commit") == commit and not one.get("dirty") for one in git):
            found.append(file.parent)
    return found


def _side(name: str, folders: Iterable[Path], said: Callable[[str], str], how: str = "") -> Side:
    """:param said: makes of a text that names folders one that says where they are from."""
    taken, notes, wrong = [], [], []
    for folder in folders:
        try:
            run = _read(folder)
        except UserError as error:
            wrong.append(said(str(error)))
            continue
        origin = said(str(folder)) + how
        narrowed = [f"narrowed to {run.narrowed}"] if run.narrowed else []
        notes += [f"{origin}: {said(note)}" for note in (*narrowed, *run.notes)]
        taken.append(Taken(run, origin, _environments(run.folder)))
    if not any(one.run.records for one in taken):
        raise UserError("\n".join([*wrong, *notes]) or f"{name}: there is no record to compare")
    kept = _newest(taken)
    notes = [note for note in notes if note.startswith(tuple(f"{one.origin}: " for one in kept))]
    notes += [f"{one.origin}: where it was made is not known" for one in kept if not one.environment]
    return Side(name, kept, [*notes, *(f"left out: {line}" for line in wrong)])


def _read(path: Path) -> StoredRun:
    """A run; where the rest of its folder cannot be read, what its records tell themselves."""
    if path.is_file() and path.name != RECORDS:
        raise UserError(f"{path} is no run: give its folder or its {RECORDS}")
    folder = path if path.is_dir() else path.parent
    try:
        run = read_run(folder)
    except UserError as error:
        records, damaged = Store(folder).read_records()
        if not records:
            raise
        has_request = (folder / "run.json").exists()
        notes = [str(error) if has_request else "run.json is missing: what was asked for is not known"]
        notes += [f"{damaged} lines of its records are damaged, and left out"] if damaged else []
        run = StoredRun(folder, records[0].config.get("suite", "unknown"), "unknown", records, notes=notes)
    told = [record for record in run.records if record.config.keys() >= _NEEDED]
    if len(told) < len(run.records):
        run.notes.append(f"{len(run.records) - len(told)} records do not say what they are of, and are left out")
        run.records[:] = told
    return run


def _environments(folder: Path) -> tuple[dict[str, Any], ...]:
    """The first part's first."""
    found = []
    for file in sorted(folder.glob("environment*.json"), key=lambda file: (len(file.name), file.name)):
        with suppress(UserError):
            found.append(Store(folder).read(file.name))
    return tuple(found)


def _newest(taken: Iterable[Taken]) -> list[Taken]:
    """Of each suite, preset and devices the newest run; a whole one before one that the command line narrowed."""
    found: dict[tuple[str, frozenset[str]], Taken] = {}
    for one in sorted(taken, key=lambda one: (not one.run.narrowed, one.run.newest)):
        found[one.place, frozenset(record.config["device"] for record in one.run.records)] = one
    return sorted(found.values(), key=lambda one: one.place)

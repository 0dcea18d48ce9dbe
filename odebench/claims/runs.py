"""The runs that there are, and those that a claim is judged by."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

from odebench.claims.model import Check, Filed
from odebench.claims.sample import STEP, Sample, metrics_of, samples, values
from odebench.errors import UserError
from odebench.record import Record
from odebench.store import RECORDS
from odebench.stored import StoredRun, read_run


def find_runs(folders: Iterable[Path]) -> tuple[list[StoredRun], list[str]]:
    """The runs at or below folders; and what is wrong with those that cannot be read.

    :raises UserError: for a folder that is not there.
    """
    found: dict[Path, StoredRun] = {}
    wrong = []
    for top in folders:
        if not top.is_dir():
            raise UserError(f"there is no folder {top}")
        for folder in sorted(file.parent for file in top.rglob(RECORDS)):
            try:
                found[folder.resolve()] = read_run(folder)
            except UserError as error:
                wrong.append(str(error))
    return list(found.values()), wrong


def evidence(filed: Filed, check: Check, runs: Iterable[StoredRun]) -> tuple[StoredRun, dict[str, Sample]] | str:
    """The newest run of the claim's preset that has what a check asks for, and what it gives; or why there is none.

    One that the command line narrowed is taken where no whole one has it, so that none hides the backends which it
    left out; one whose cells all failed where there is no other.
    """
    rivals = [run for run in runs if (run.suite, run.preset) == (filed.suite, filed.claim.preset)]
    found: tuple[StoredRun, dict[str, Sample]] | None = None
    for run in sorted(rivals, key=lambda run: (not run.narrowed, run.newest), reverse=True):
        groups = samples(check, run.records)
        if any(sample.seeds for sample in groups.values()):
            return run, groups
        if groups and found is None:
            found = run, groups
    return found or _absence(check, rivals)


def _absence(check: Check, runs: list[StoredRun]) -> str:
    if not runs:
        return "no such run"
    records = [record for run in runs for record in run.records]
    for name in (*metrics_of(check.y), check.x):
        known = {key for record in records for key in _names(record)}
        if records and name not in (None, STEP) and name not in known:
            close = get_close_matches(str(name), known, n=1)
            return f"no record of this preset has {name!r}" + (f"; did you mean {close[0]!r}?" if close else "")
    return "no run of this preset has such a record"


def _names(record: Record) -> set[str]:
    return values(record).keys() | record.metrics.keys() | {key for point in record.curve for key in point}

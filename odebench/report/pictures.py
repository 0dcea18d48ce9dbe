"""The pictures that suites register, drawn from a run's files."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from odebench.descriptors import Figure
from odebench.errors import UserError, unknown
from odebench.record import CellStatus, Record
from odebench.registry import load_registry
from odebench.report.figures import save, settings
from odebench.suite import plugin_folders

if TYPE_CHECKING:
    from odebench.store import Store


def pictures(store: Store) -> dict[str, Figure]:
    """The figures by name that a run has records for. :raises UserError: when its suite is not here."""
    registry = load_registry(store.request()["plugins"], plugin_folders(Path(store.request()["suite"])))
    tasks = {record.config["task"] for record in _well(store)}
    found = registry.figures.items()
    return {name: figure for name, figure in found if any(fnmatchcase(task, figure.tasks) for task in tasks)}


def draw_own(store: Store, kind: str, backend: str, output: Path | None) -> Iterator[str]:
    """Draw one picture, and yield the name of its file; of the kind ``list`` yield the pictures that there are.

    :raises UserError: for an unknown kind, and where no record is left.
    """
    known = pictures(store)
    if kind == "list":
        yield from (f"{name}  {figure.title}" for name, figure in known.items())
        return
    if kind not in known:
        raise unknown("kind of picture", kind, known)
    figure = known[kind]
    records = [
        record
        for record in _well(store)
        if fnmatchcase(record.config["task"], figure.tasks) and fnmatchcase(record.config["backend"], backend)
    ]
    if not records:
        raise UserError(f"--backend {backend} matches nothing that {kind} is drawn from")
    file = output or store.folder / f"{kind.replace('/', '-')}.svg"
    with settings():
        save(figure.load()(records, lambda record: store.outputs(record.hash)), file)
    yield str(file)


def _well(store: Store) -> list[Record]:
    return [record for record in store.records() if record.status is CellStatus.ok]

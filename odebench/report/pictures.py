"""The pictures that suites register, drawn from a run's files."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from odebench.descriptors import Figure
from odebench.errors import UserError, unknown
from odebench.record import CellStatus, Record
from odebench.registry import load_registry
from odebench.report.figures import save, settings
from odebench.suite import is_suite, plugin_folders

if TYPE_CHECKING:
    from odebench.store import Store


def drawable(store: Store) -> dict[str, tuple[Figure, list[Record]]]:
    """The pictures that there are, each with the records that it is drawn from.

    :raises UserError: when the suite is not here.
    """
    records = [record for record in store.records() if record.status is CellStatus.ok]
    of = {name: (figure, _of(figure, records)) for name, figure in _figures(store).items()}
    return {name: (figure, found) for name, (figure, found) in of.items() if found}


def draw_own(store: Store, kind: str, task: str, backend: str, output: Path | None, others: Iterable[str] = ()) -> Path:
    """Draw one picture, and return its file.

    :param task: a glob, as ``backend`` is.
    :param others: what would have been valid, too.
    :raises UserError: for an unknown kind, where no record is left, and for a picture that fails, with its reason.
    """
    known = drawable(store)
    if kind not in known:
        raise unknown("kind of picture", kind, [*others, *known])
    figure, records = known[kind]
    records = [r for r in records if fnmatchcase(r.config["task"], task) and fnmatchcase(r.config["backend"], backend)]
    if not records:
        raise UserError(f"--task {task} --backend {backend}: nothing that {kind} is drawn from")
    file = output or store.folder / f"{kind.replace('/', '-')}.svg"
    with settings():
        save(drawn(figure, records, store), file)
    return file


def _figures(store: Store) -> dict[str, Figure]:
    """Those that the run's suite and plugins register. :raises UserError: when the suite is not here."""
    request = store.request()
    suite = Path(request["suite"])
    if not is_suite(suite):
        raise UserError(f"{store.folder}: its suite {suite} is not here, and its pictures are drawn by it")
    return load_registry(request["plugins"], plugin_folders(suite)).figures


def _of(figure: Figure, records: Sequence[Record]) -> list[Record]:
    return [record for record in records if fnmatchcase(record.config["task"], figure.tasks)]


def drawn(figure: Figure, records: Sequence[Record], store: Store) -> Any:
    """:raises UserError: with what went wrong in the plugin's code, and where."""
    from matplotlib.figure import Figure as Picture

    if figure.missing:
        raise UserError(f"{figure.name} is not installed: pip install {' '.join(figure.missing)}")
    try:
        found = figure.load()(records, lambda record: store.outputs(record.hash))
        if not isinstance(found, Picture):
            raise TypeError(f"it returned a {type(found).__name__} and no matplotlib Figure")
    except Exception as error:
        if isinstance(error, UserError):
            raise
        at = traceback.extract_tb(error.__traceback__)[-1]
        where = "" if at.filename == __file__ else f" ({at.filename}:{at.lineno})"
        reason = " ".join(f"{type(error).__name__}: {error}".split()) + where
        if not (store.folder / "outputs").is_dir():
            reason += "; the arrays that the tasks left for pictures are not in this run"
        raise UserError(f"picture {figure.name} of plugin {figure.provider} failed: {reason}") from error
    return found

"""``odebench run`` and ``odebench resume``."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from odebench.cli.options import plugin_options
from odebench.errors import UserError
from odebench.record import CellStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from odebench.cell import Cell
    from odebench.executor import Worker
    from odebench.plan import Selection
    from odebench.run import Run
    from odebench.store import Store


@click.command()
@click.argument("suite")
@click.option("--preset", help="How much to do: a preset of the suite; its default one when left out.")
@click.option("--backend", "backends", multiple=True, metavar="GLOB",
              help="Backends to run instead of the suite's, as library/solver/gradient; may be repeated.")  # fmt: skip
@click.option("--only", multiple=True, metavar="KEY=GLOB",
              help="Keep the cells that match, as framework=jax or row=ODE-Net; may be repeated.")  # fmt: skip
@click.option("--device", "devices", default="cpu", show_default=True, help="Devices, separated by commas: cpu,cuda.")
@click.option("--results", type=click.Path(path_type=Path), default=Path("results"), show_default=True,
              help="Where the run's folder is made.")  # fmt: skip
@click.option("--open", "opened", is_flag=True, help="Open the report when the run has ended.")
@plugin_options
def run(
    suite: str,
    preset: str | None,
    backends: tuple[str, ...],
    only: tuple[str, ...],
    devices: str,
    results: Path,
    opened: bool,
    plugins: tuple[str, ...],
    strict: bool,
) -> None:
    """Run a SUITE, given as a folder or by name, print its table and write its report, RUN/report.html."""
    from odebench.executor import Worker

    with Worker() as spare:
        from odebench.plan import Selection
        from odebench.store import Store
        from odebench.suite import find_suite, read_suite

        folder = find_suite(suite)
        model = read_suite(folder)
        model.preset(preset)  # say what is wrong with it before anything is written
        selection = Selection(backends, only, tuple(d.strip() for d in devices.split(",")))
        request = {
            "suite": str(folder),
            "preset": preset or model.default_preset,
            "plugins": list(plugins),
            "strict": strict,
            "selection": asdict(selection),
            "columns": model.columns,
            "fits": [fit.model_dump() for fit in model.fits],
            "rivals": [rivals.model_dump() for rivals in model.rivals],
            "command": ["odebench", *sys.argv[1:]],
        }
        store = _execute(request, selection, lambda: Store.create(results, folder.resolve().name, request), spare)
    _conclude(store, opened)


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
def resume(run: Path) -> None:
    """Go on with a RUN that was interrupted: what was measured is kept, what failed is tried again,
    training continues from its checkpoint."""
    from odebench.executor import Worker

    with Worker() as spare:
        from odebench.plan import Selection
        from odebench.store import Store

        store = Store.open(run)
        request = store.request()
        selection = Selection(**{key: tuple(value) for key, value in request["selection"].items()})
        _execute(request, selection, lambda: store, spare)
    _conclude(store)


def _execute(request: dict[str, Any], selection: Selection, open_store: Callable[[], Store], spare: Worker) -> Store:
    """Plan and run. What is imported here is in an order: while a worker has something to do, no sooner."""
    from odebench.executor import Workers
    from odebench.plan import plan
    from odebench.registry import load_registry
    from odebench.run import Run
    from odebench.suite import plugin_folders, read_suite

    folder = Path(request["suite"])
    suite = read_suite(folder)
    preset = suite.preset(request["preset"])
    registry = load_registry(request["plugins"], plugin_folders(folder), strict=request["strict"])
    for plugin in registry.plugins:
        if plugin.error:
            click.echo(f"plugin {plugin.name} ({plugin.origin}) was skipped: {plugin.error}", err=True)
    cells = plan(folder.resolve().name, suite, preset, registry, selection)
    request["cells"] = len(cells)
    store = open_store()
    resumed = (store.folder / "environment.json").exists()
    done = {record.hash for record in store.records() if record.status in (CellStatus.ok, CellStatus.diverged)}
    left = [cell for cell in cells if cell.hash not in done]
    workers = Workers(tuple(request["plugins"]), folder, store.folder / "logs", spare)
    session = Run(suite, preset, registry, workers, store)
    try:
        session.start_workers(left)
        _measure(session, folder, cells, left)
    except UserError:
        if not (resumed or store.records()):
            workers.stop()  # one that is only starting would make a folder for its log
            store.discard()  # nothing was measured: leave no empty run behind
        raise
    finally:
        workers.stop()
        if store.records():
            store.write_tables()
    return store


def _measure(session: Run, folder: Path, cells: list[Cell], left: list[Cell]) -> None:
    """Tell where it runs, and run it before the user's eyes."""
    from rich.console import Console

    from odebench.cli.progress import Progress
    from odebench.environment import environment, task_versions

    progress = Progress(Console(), left)
    session.workers.note = progress.note
    with progress:
        made_of = {"tasks": task_versions(session.registry, [cell.task for cell in cells])}
        session.store.add_environment(environment(folder) | {"frameworks": session.check_devices(left)} | made_of)
        session.registry.register(progress, "progress")
        session.execute(left)


def _conclude(store: Store, opened: bool = False) -> None:
    """Print the table, write the report, and exit by what became of the cells."""
    from rich.console import Console

    from odebench.report.terminal import print_run

    print_run(store, Console())
    _report(store, opened)
    sys.exit(1 if any(record.status.is_failure for record in store.records()) else 0)


def _report(store: Store, opened: bool) -> None:
    """Write the run's page and say where, on stderr: the table is what the command prints.

    The run has ended by now: whatever goes wrong here is said, and changes nothing of what became of it.
    """
    from odebench.cli.report import PAGE, open_file, write
    from odebench.report.document import Document
    from odebench.stored import read_run

    file = store.folder / PAGE
    try:
        write(Document([read_run(store.folder)]), "html", file)
        click.echo(f"Report: {file}", err=True)
        if opened:
            open_file(file)
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        click.echo(f"no report was written: {reason}; try: odebench report {store.folder}", err=True)

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
    from odebench.plan import Selection
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
    from odebench.plan import Selection
    from odebench.store import Store
    from odebench.suite import find_suite, read_suite

    folder = find_suite(suite)
    read_suite(folder).preset(preset)  # say what is wrong with it before anything is written
    selection = Selection(backends, only, tuple(d.strip() for d in devices.split(",")))
    request = {
        "suite": str(folder),
        "preset": preset or read_suite(folder).default_preset,
        "plugins": list(plugins),
        "strict": strict,
        "selection": asdict(selection),
        "columns": read_suite(folder).columns,
        "fits": [fit.model_dump() for fit in read_suite(folder).fits],
        "command": ["odebench", *sys.argv[1:]],
    }
    _execute(request, selection, lambda: Store.create(results, folder.resolve().name, request), opened)


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
def resume(run: Path) -> None:
    """Go on with a RUN that was interrupted: what was measured is kept, what failed is tried again,
    training continues from its checkpoint."""
    from odebench.plan import Selection
    from odebench.store import Store

    store = Store.open(run)
    request = store.request()
    selection = Selection(**{key: tuple(value) for key, value in request["selection"].items()})
    _execute(request, selection, lambda: store)


def _execute(request: dict[str, Any], selection: Selection, open_store: Any, opened: bool = False) -> None:
    from rich.console import Console

    from odebench.cli.progress import Progress
    from odebench.environment import environment, task_versions
    from odebench.executor import Workers
    from odebench.plan import plan
    from odebench.registry import load_registry
    from odebench.report.terminal import print_run
    from odebench.run import Run
    from odebench.suite import plugin_folders, read_suite

    folder = Path(request["suite"])
    suite = read_suite(folder)
    preset = suite.preset(request["preset"])
    registry = load_registry(request["plugins"], plugin_folders(folder), strict=request["strict"])
    console = Console()
    for plugin in registry.plugins:
        if plugin.error:
            click.echo(f"plugin {plugin.name} ({plugin.origin}) was skipped: {plugin.error}", err=True)
    cells = plan(folder.resolve().name, suite, preset, registry, selection)
    request["cells"] = len(cells)
    store: Store = open_store()
    resumed = (store.folder / "environment.json").exists()
    done = {record.hash for record in store.records() if record.status in (CellStatus.ok, CellStatus.diverged)}
    left = [cell for cell in cells if cell.hash not in done]
    progress = Progress(console, left)
    workers = Workers(tuple(request["plugins"]), folder, store.folder / "logs", progress.note)
    session = Run(suite, preset, registry, workers, store)
    try:
        with progress:
            made_of = {"tasks": task_versions(registry, [cell.task for cell in cells])}
            store.add_environment(environment(folder) | {"frameworks": session.check_devices(left)} | made_of)
            registry.register(progress, "progress")
            session.execute(left)
    except UserError:
        if not (resumed or store.records()):
            store.discard()  # nothing was measured: leave no empty run behind
        raise
    finally:
        workers.stop()
        if store.records():
            store.write_tables()
    print_run(store, console)
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

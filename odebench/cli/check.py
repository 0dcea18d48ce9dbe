"""``odebench check``: the conformance report of a plugin."""

from __future__ import annotations

import json
import math
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from odebench.cli.options import plugin_options
from odebench.errors import UserError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from odebench.check.outcome import Row
    from odebench.check.report import Item

WIDTH = 160
_STYLES = {"pass": "green", "fail": "bold red", "n-a": "yellow"}


@click.command()
@click.argument("plugin")
@click.option("--device", default="cpu", show_default=True, help="Where to compute: cpu or cuda.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Write the rows to this file too.")
@plugin_options
def check(plugin: str, device: str, file: Path | None, plugins: tuple[str, ...], strict: bool) -> None:
    """Check what a PLUGIN registers: order, times, states, NFE, gradients, failures, bad input.

    PLUGIN is a file, a module, the name of an installed plugin, or a glob of backends, as 'torchdiffeq/dopri5/*'.
    Each solver is checked with a gradient method of its library, and each gradient method with a solver.
    The exit code is 0 when all checks pass, and 1 when one fails.
    """
    from rich.console import Console
    from rich.text import Text

    from odebench.check.report import items
    from odebench.registry import load_registry

    _check_writable(file)
    registry = load_registry(plugins, strict=strict)
    console = Console()
    rows = _run(items(registry, plugin, plugins, device), console)
    console = console if console.is_terminal else Console(width=WIDTH, file=console.file)
    console.print(_table(rows))
    counts = {verdict: sum(row.outcome.verdict == verdict for row in rows) for verdict in _STYLES}
    console.print(Text(f"{counts['pass']} passed, {counts['fail']} failed, {counts['n-a']} not applicable"))
    if file is not None:
        file.write_text(json.dumps([_plain(row) for row in rows], indent=1))
    sys.exit(1 if counts["fail"] else 0)


def _check_writable(file: Path | None) -> None:
    """Before anything runs, for it may take long. :raises UserError: when the rows could not be written."""
    if file is None:
        return
    if file.is_dir():
        raise UserError(f"--json {file}: Is a directory")
    if not os.access(file if file.exists() else file.parent, os.W_OK):
        raise UserError(
            f"--json {file}: {'Permission denied' if file.parent.is_dir() else 'No such file or directory'}"
        )


def _run(items: list[Item], console: Console) -> list[Row]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("", total=len(items))
        rows: list[Row] = []
        for item in items:
            if not console.is_terminal and (not rows or rows[-1].backend != item.backend):
                click.echo(f"checking {item.backend}", err=True)
            progress.update(bar, description=f"{item.backend}: {item.check}")
            rows.append(item.run())
            progress.advance(bar)
    return rows


def _table(rows: list[Row]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 1), header_style="bold")
    for title in ("backend", "check", "", "figure", "bound"):
        table.add_column(title, no_wrap=True, justify="right" if title == "figure" else "left")
    table.add_column("note")
    for backend, name, outcome in rows:
        figure = "–" if math.isnan(outcome.figure) else f"{outcome.figure:.3g}"
        verdict = Text(outcome.verdict, style=_STYLES[outcome.verdict])
        table.add_row(Text(backend), Text(name), verdict, figure, Text(outcome.bound), Text(outcome.note))
    return table


def _plain(row: Row) -> dict[str, object]:
    fields = {"backend": row.backend, "check": row.check} | row.outcome._asdict()
    return fields | {"figure": None if math.isnan(row.outcome.figure) else row.outcome.figure}

"""``odebench show``: a run's table again, from its files alone."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
def show(run: Path) -> None:
    """Print the table of a run, given its folder: results/SUITE/RUN."""
    from rich.console import Console

    from odebench.report.terminal import print_run
    from odebench.store import Store

    print_run(Store.open(run), Console())

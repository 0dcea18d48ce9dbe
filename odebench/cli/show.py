"""``odebench show``: a run's table again, from its files alone."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--curves", is_flag=True, help="The training curves instead, a line a point, as CSV.")
def show(run: Path, curves: bool) -> None:
    """Print the table of a run, given its folder: results/SUITE/RUN."""
    from odebench.store import Store, load_curves

    store = Store.open(run)
    if curves:
        click.echo(load_curves(store.folder).to_csv(index=False), nl=False)
        return
    from rich.console import Console

    from odebench.report.terminal import print_run

    print_run(store, Console())

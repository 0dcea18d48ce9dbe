"""``odebench asv``: stored runs on asv's dashboard."""

from __future__ import annotations

from pathlib import Path

import click


@click.group()
def asv() -> None:
    """Put stored runs on an asv dashboard: the figures of every commit, as series."""


@asv.command()
@click.argument("runs", nargs=-1, type=click.Path(path_type=Path), metavar="[RUN]...")
@click.option("--output", "-o", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              help="asv's results; the results_dir of asv.conf.json when left out.")  # fmt: skip
@click.option("--commit", metavar="HASH", help="Of which commit the RUNs are, in place of what they say themselves.")
def export(runs: tuple[Path, ...], output: Path | None, commit: str | None) -> None:
    """Write RUNs into asv's result files, merged with what is there, for `asv publish`.

    Without a RUN, put the series that are stored back into benchmarks.json, where `asv run` leaves its own alone.
    """
    from odebench.dashboard.export import commit_of, results_folder
    from odebench.dashboard.export import export as export_run
    from odebench.dashboard.files import write_benchmarks
    from odebench.stored import read_run

    results, repository = (output, Path()) if output else results_folder()
    stored = [read_run(run) for run in runs]
    commits = [commit_of(run, repository, commit) for run in stored]  # before anything is written
    for run, of in zip(stored, commits, strict=True):
        for note in run.notes:
            click.echo(f"{run.name}: {note}", err=True)
        for done in export_run(run, of, results):
            what = f"{done.series} series" if done.changed else "nothing new"
            click.echo(f"{run.name} → {done.path}: {what}")
    click.echo(f"{write_benchmarks(results)} series in {results}")

"""``odebench precision``: what each backend pays for the same achieved error."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RUN...")
@click.option("--target", "targets", default="1e-3,1e-6", show_default=True, help="Errors, separated by commas.")
@click.option("--error", type=click.Choice(["forward_error", "gradient_error"]), default="forward_error",
              show_default=True, help="Which error is to be reached.")  # fmt: skip
@click.option("--task", default="*", show_default=True, metavar="GLOB", help="The tasks to show.")
def precision(runs: tuple[Path, ...], targets: str, error: str, task: str) -> None:
    """Print NFE, time and memory of every backend of one or more RUNs at equal achieved error.

    Costs are interpolated, as power laws, between the two cells on either side of the target.
    """
    from fnmatch import fnmatchcase

    from rich.console import Console

    from odebench.errors import UserError
    from odebench.report.labels import of_runs
    from odebench.report.terminal import print_precision
    from odebench.store import Store

    try:
        wanted = [float(text) for text in targets.split(",")]
    except ValueError as problem:
        raise UserError(f"--target {targets}: write errors separated by commas, as in 1e-3,1e-6") from problem
    if not all(0 < target < 1e300 for target in wanted):
        raise UserError(f"--target {targets}: an error must be positive and finite")
    records = of_runs([Store.open(run) for run in runs])
    if not records:
        raise UserError("no records yet: there is nothing to compare")
    shown = [record for record in records if fnmatchcase(record.config["task"], task)]
    if not shown:
        raise UserError(
            f"--task {task} matches nothing; valid: {', '.join(sorted({r.config['task'] for r in records}))}"
        )
    print_precision(shown, error, wanted, Console())

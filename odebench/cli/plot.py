"""``odebench plot``: one metric of a run against another, or a picture of its suite's own."""

from __future__ import annotations

from pathlib import Path

import click
from click.core import ParameterSource


@click.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RUN...")
@click.option("--kind", help="A picture of the suite's own, in place of Y against X; `--kind list` lists them.")
@click.option("--x", default="nfe_forward", show_default=True, help="A metric, num_steps, rtol, option_… or step.")
@click.option("--y", default="forward_error", show_default=True, help="A metric.")
@click.option("--task", default="*", show_default=True, metavar="GLOB", help="The tasks to show.")
@click.option("--backend", default="*", show_default=True, metavar="GLOB", help="The backends to show.")
@click.option("--output", "-o", type=click.Path(path_type=Path), help="svg, png or pdf; RUN/Y-X.svg when left out.")
def plot(
    runs: tuple[Path, ...], kind: str | None, x: str, y: str, task: str, backend: str, output: Path | None
) -> None:
    """Draw Y against X of one or more RUNs, a panel a task, a line a backend; or a picture of the suite's own."""
    from fnmatch import fnmatchcase

    from odebench.errors import UserError
    from odebench.report.labels import of_runs
    from odebench.store import Store

    try:
        import matplotlib  # noqa: F401, ICN001  # drawing imports it only later

        from odebench.report.figures import draw
    except ModuleNotFoundError as error:
        raise UserError(f"odebench plot needs matplotlib ({error}): pip install 'odebench[plot]'") from error
    stores = [Store.open(run) for run in runs]
    if kind is not None:
        from odebench.report.pictures import draw_own

        given = click.get_current_context().get_parameter_source
        if len(stores) > 1 or any(given(name) is ParameterSource.COMMANDLINE for name in ("x", "y")):
            raise UserError("--kind draws one RUN's own picture: without --x, --y and other runs")
        for line in draw_own(stores[0], kind, task, backend, output):
            click.echo(line)
        return
    records = of_runs(stores)
    for key, glob in (("task", task), ("backend", backend)):
        valid = sorted({record.config[key] for record in records})
        records = [record for record in records if fnmatchcase(record.config[key], glob)]
        if valid and not records:
            raise UserError(f"--{key} {glob} matches nothing; valid: {', '.join(valid)}")
    file = output or stores[0].folder / f"{y}-{x}.svg"
    draw(records, x, y, file)
    click.echo(str(file))

"""``odebench plot``: a chart of runs, one of their figures against another, or a picture of a suite's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from odebench.errors import UserError, choices

if TYPE_CHECKING:
    from odebench.report.charts.model import BarChart, Chart
    from odebench.stored import StoredRun


@click.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RUN...")
@click.option("--kind", help="A chart or a picture of the suite's own, in place of Y against X; `list` lists them.")
@click.option("--x", default="nfe_forward", show_default=True, help="A metric, num_steps, rtol, option_… or step.")
@click.option("--y", default="forward_error", show_default=True, help="A metric.")
@click.option("--task", default="*", show_default=True, metavar="GLOB", help="The tasks to show.")
@click.option("--backend", default="*", show_default=True, metavar="GLOB", help="The backends to show.")
@click.option("--output", "-o", type=click.Path(path_type=Path),
              help="svg, png or pdf; KIND.svg or Y-X.svg in the first RUN when left out.")  # fmt: skip
def plot(
    runs: tuple[Path, ...], kind: str | None, x: str, y: str, task: str, backend: str, output: Path | None
) -> None:
    """Draw a chart of one or more RUNs, or Y against X: a panel a task, a colour a backend; or a picture of the
    suite's own."""
    try:
        import matplotlib  # noqa: F401, ICN001  # said here, once for all that is imported below
    except ModuleNotFoundError as error:
        raise UserError(f"odebench plot needs matplotlib ({error}): pip install 'odebench[plot]'") from error
    from odebench.report.charts.free import free
    from odebench.report.document import Document
    from odebench.report.figures import draw
    from odebench.stored import read_run

    given = click.get_current_context().get_parameter_source
    if kind is not None and any(given(name) is ParameterSource.COMMANDLINE for name in ("x", "y")):
        raise UserError("--kind says what is drawn: without --x and --y")
    whole = Document([read_run(run) for run in runs])
    styles = whole.styles  # of all backends, so that each keeps its colour whatever is shown
    shown = Document(_narrowed(whole.runs, task, backend))
    charts: Sequence[Chart | BarChart] = [free(shown.records, x, y)] if kind is None else shown.charts
    if kind == "list":
        _list(whole.runs, charts)
        return
    chart = next((one for one in charts if kind in (None, one.name)), None)
    if chart is None:
        file = _draw_own(whole.runs, str(kind), task, backend, output, [one.name for one in charts])
    else:
        file = output or whole.runs[0].folder / f"{chart.name}.svg"
        draw(chart, styles, file)
    click.echo(str(file))


def _narrowed(runs: Sequence[StoredRun], task: str, backend: str) -> Sequence[StoredRun]:
    """:raises UserError: for a glob that matches no record."""
    for key, glob in (("task", task), ("backend", backend)):
        valid = {record.config[key] for run in runs for record in run.records}
        runs = [replace(run, records=[r for r in run.records if fnmatchcase(r.config[key], glob)]) for run in runs]
        if valid and not any(run.records for run in runs):
            raise UserError(f"--{key} {glob} matches nothing; valid: {', '.join(sorted(valid))}")
    return runs


def _list(runs: Sequence[StoredRun], charts: Sequence[Chart | BarChart]) -> None:
    """The charts, and the pictures of the suite's own where there is one run."""
    from odebench.report.pictures import drawable

    lines = [f"{chart.name}  {chart.title}" for chart in charts]
    try:
        own = drawable(runs[0].store) if len(runs) == 1 else {}
        lines += [f"{name}  {figure.title}" for name, (figure, _) in own.items()]
    except UserError as error:
        click.echo(str(error), err=True)
    click.echo("\n".join(lines) or "nothing: no chart and no picture has anything to show of what ended well")


def _draw_own(
    runs: Sequence[StoredRun], kind: str, task: str, backend: str, output: Path | None, charts: Sequence[str]
) -> Path:
    """:param charts: the names of those that there are besides."""
    from odebench.report.pictures import draw_own

    if len(runs) > 1:
        raise UserError(
            f"{kind!r} is no chart of these runs, and a suite's own picture is of one; {choices(kind, charts)}"
        )
    return draw_own(runs[0].store, kind, task, backend, output, charts)

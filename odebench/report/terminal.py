"""The table of a run on a terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from odebench.errors import choices
from odebench.record import CellStatus, Record
from odebench.report.columns import COLUMNS, KNOWN, Column, chosen, count, megabytes, milliseconds, scientific
from odebench.report.contests import contests, crossovers
from odebench.report.fits import Growth, fits
from odebench.report.labels import backend
from odebench.report.precision import COSTS, curves
from odebench.report.sheets import Sheet, contest_sheet, crossover_sheet, growth_sheet
from odebench.report.summary import Summary, summary
from odebench.store import Store

WIDTH = 120
NAMES = 16
"""Letters that the names of rows and of backends are left, each, before a column is left out instead."""


def table(records: Sequence[Record], columns: Sequence[Column] = COLUMNS) -> Table:
    """Rows in the order of the suite; the best figure of each column is marked among the rivals on each task."""
    found = summary(records, columns)
    result = Table(box=None, pad_edge=False, padding=(0, 1), header_style="bold", collapse_padding=True)
    result.add_column("\nrow")  # the columns that may be cut where not everything fits
    result.add_column("\nbackend")
    if found.several_accuracies:
        result.add_column("\naccuracy", no_wrap=True)
    for column in found.columns:
        result.add_column(column.title, justify="right", no_wrap=True)
    result.add_column("\nstatus", no_wrap=True)
    for row in found.rows:
        cells = [Text(name, no_wrap=True, overflow="ellipsis") for name in (row.name, row.backend)]
        cells += [Text(row.accuracy)] if found.several_accuracies else []
        cells += [Text(f"*{f.text}" if f.best else f.text, style="bold green" if f.best else "") for f in row.figures]
        status = row.record.status
        style = "" if status is CellStatus.ok else "yellow" if status is CellStatus.skipped else "red"
        result.add_row(*cells, Text(str(status), style=style))
    return result


def print_run(store: Store, console: Console) -> None:
    """The table, the reasons of cells that did not end well, and where the files are."""
    records = store.records()
    console = console if console.is_terminal else Console(width=WIDTH, file=console.file)
    if records:
        columns = store.request().get("columns", ())
        found = summary(records, chosen(columns))
        shown = _fitting(found, console.width)
        console.print(table(records, shown))
        if left_out := [column.heading for column in found.columns if column not in shown]:
            console.print(Text(f"no room for: {', '.join(left_out)}; the report has them"), soft_wrap=True)
        measured = {name for record in records for name in record.metrics}
        if absent := [name for name in columns if name not in measured and name not in KNOWN]:
            hints = "; ".join(f"{name!r}: {choices(name, measured)}" for name in absent)
            console.print(Text(f"columns of the suite that no cell has: {hints}"), soft_wrap=True)
        request = store.request()
        _print_growth(fits(records, request.get("fits", ())), request.get("rivals", ()), console)
    else:
        console.print("no records yet")
    for record in records:
        if record.reason:
            line = f"{record.row} {backend(record)}: {record.status}: {record.reason}"
            console.print(Text(line), soft_wrap=True)
    console.print(Text(f"* best of its column on its task. Results: {store.folder}"), soft_wrap=True)


def _fitting(found: Summary, width: int) -> Sequence[Column]:
    """The first of the columns, as many as leave the names room; one at least."""
    names = [max(len(name) for name in some) for some in zip(*((r.name, r.backend) for r in found.rows), strict=True)]
    left = width - sum(min(length, NAMES) + 1 for length in names)
    left -= max(len("status"), *(len(str(row.record.status)) for row in found.rows))
    if found.several_accuracies:
        left -= max(len("accuracy"), *(len(row.accuracy) for row in found.rows)) + 1
    for i, column in enumerate(found.columns):
        texts = [f"*{row.figures[i].text}" if row.figures[i].best else row.figures[i].text for row in found.rows]
        left -= max(map(len, [*column.title.split("\n"), *texts])) + 1
        if left < 0:
            return found.columns[: max(1, i)]
    return found.columns


def _print_growth(found: Sequence[Growth], rivals: Sequence[Mapping[str, Any]], console: Console) -> None:
    """What is held against a peer, and of the fits those that are not: the report has all."""
    rivalry = contests(found, rivals)
    held = {id(one) for contest in rivalry for one in (contest.ours, contest.peer)}
    alone = [one for one in found if id(one) not in held]
    for sheet in (growth_sheet(alone), contest_sheet(rivalry), crossover_sheet(crossovers(found))):
        if sheet.rows:
            _print_sheet(sheet, console)


def _print_sheet(sheet: Sheet, console: Console) -> None:
    result = Table(box=None, pad_edge=False, padding=(0, 1), header_style="bold", collapse_padding=True)
    for i, title in enumerate(sheet.columns):
        figure = i >= len(sheet.columns) - sheet.figures
        # Those of words may be cut, so that figures are whole.
        result.add_column(Text(title, no_wrap=True), justify="right" if figure else "left", no_wrap=figure)
    for row in sheet.rows:
        result.add_row(*(Text(word, no_wrap=True, overflow="ellipsis") for word in row))
    console.print(result)
    console.print(Text(sheet.below))


def print_precision(records: Sequence[Record], error: str, targets: Sequence[float], console: Console) -> None:
    """Work–precision: for each task and target the costs of every backend, the cheapest of each marked."""
    console = console if console.is_terminal else Console(width=WIDTH, file=console.file)
    titles = list(COSTS[error])
    found = curves(records, error)
    result = Table(box=None, pad_edge=False, padding=(0, 1), header_style="bold", collapse_padding=True)
    result.add_column("\ntask")
    result.add_column("\nbackend")
    for target in targets:
        for title in titles:
            result.add_column(f"{scientific(target)}\n{title}", justify="right", no_wrap=True)
    result.add_column("best\nerror", justify="right", no_wrap=True)
    result.add_column("\nfailed", justify="right", no_wrap=True)
    costs = {(c.task, c.name, t): c.cost(t) for c in found for t in targets}
    for curve in found:
        row = [Text(curve.task), Text(curve.name, overflow="ellipsis", no_wrap=True)]
        for target in targets:
            for title in titles:
                rivals = [
                    v[0][title]
                    for (task, _, t), v in costs.items()
                    if v and (task, t) == (curve.task, target) and title in v[0]
                ]
                row.append(_priced(costs[curve.task, curve.name, target], title, min(rivals, default=math.nan)))
        row += [Text(scientific(curve.best) if curve.points else "–"), Text(str(curve.failed or ""))]
        result.add_row(*row)
    console.print(result)
    console.print("* cheapest of its task; < the loosest cell is better than the target already; – not reached")


def _priced(cost: tuple[dict[str, float], str] | None, title: str, best: float) -> Text:
    if cost is None or title not in cost[0]:
        return Text("–")
    value, mark = cost[0][title], cost[1]
    text = {"ms": milliseconds, "MB": megabytes}.get(title, count)(value)
    return Text(f"{mark}*{text}" if value == best else f"{mark}{text}", style="bold green" if value == best else "")

"""The table of a run on a terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from odebench.errors import choices
from odebench.record import CellStatus, Record
from odebench.report.columns import KNOWN, chosen, count, megabytes, milliseconds, scientific
from odebench.report.fits import Growth, fits
from odebench.report.labels import backend
from odebench.report.precision import COSTS, curves
from odebench.report.summary import summary
from odebench.store import Store

WIDTH = 120


def table(records: Sequence[Record], columns: Sequence[str] = ()) -> Table:
    """Rows in the order of the suite; the best figure of each column is marked among the rivals on each task.

    :param columns: the metrics to show; :data:`odebench.report.columns.COLUMNS` when empty.
    """
    found = summary(records, chosen(columns))
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
        console.print(table(records, columns))
        measured = {name for record in records for name in record.metrics}
        if absent := [name for name in columns if name not in measured and name not in KNOWN]:
            hints = "; ".join(f"{name!r}: {choices(name, measured)}" for name in absent)
            console.print(Text(f"columns of the suite that no cell has: {hints}"), soft_wrap=True)
        _print_fits(fits(records, store.request().get("fits", ())), console)
    else:
        console.print("no records yet")
    for record in records:
        if record.reason:
            line = f"{record.row} {backend(record)}: {record.status}: {record.reason}"
            console.print(Text(line), soft_wrap=True)
    console.print(Text(f"* best of its column on its task. Results: {store.folder}"), soft_wrap=True)


def _print_fits(found: Sequence[Growth], console: Console) -> None:
    if not found:
        return
    result = Table(box=None, pad_edge=False, padding=(0, 1), header_style="bold", collapse_padding=True)
    for title in ("growth of", "with", "task", "backend"):
        result.add_column(title)
    for title in ("exponent", "slope", "cells"):
        result.add_column(title, justify="right")
    for one in found:
        figures = (f"{one.exponent:.2f}", f"{one.slope:.3g}", str(one.points))
        result.add_row(one.y, one.x.removeprefix("option_"), one.task, one.backend, *figures)
    console.print(result)
    console.print("exponent p of y ∝ x^p; slope of y against x, per unit of x")


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

"""The table of a run on a terminal."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from odebench.record import CellStatus, Record
from odebench.store import Store

WIDTH = 120


@dataclass(frozen=True)
class Column:
    """A column of figures.

    :param metrics: what it shows, joined by slashes; the first one decides which row is best.
    :param best: whether the smallest figure is marked.
    :param limit: a metric below which the figure means nothing: how far two references are apart.
    """

    title: str
    metrics: tuple[str, ...]
    format: Callable[[float], str]
    best: bool = True
    limit: str = ""


def _percent(value: float) -> str:
    return f"{100 * value:.1f}%"


def _count(value: float) -> str:
    return f"{value:,.0f}"


def _milliseconds(value: float) -> str:
    return f"{1e3 * value:.3g}" if value < 1 else f"{1e3 * value:.0f}"


def _seconds(value: float) -> str:
    return f"{value:.1f}"


def _megabytes(value: float) -> str:
    return f"{value / 1e6:.3g}"


def _ratio(value: float) -> str:
    return f"{value:.2f}"


def _scientific(value: float) -> str:
    return f"{value:.1e}".replace("e-0", "e-")


COLUMNS = (
    Column("test\nerror", ("test_error",), _percent),
    Column("para-\nmeters", ("parameters",), _count, best=False),
    Column("NFE\nfwd/vjp", ("nfe_forward", "vjps"), _count, best=False),
    Column("fwd\nms", ("forward_s",), _milliseconds),
    Column("fwd+bwd\nms", ("forward_backward_s",), _milliseconds),
    Column("com-\npile s", ("compile_s",), _seconds),
    Column("over-\nhead", ("overhead",), _ratio),
    Column("memory\nMB", ("memory_bytes",), _megabytes),
    Column("peak\nMB", ("peak_growth_bytes",), _megabytes),
    Column("gradient\nerror", ("gradient_error",), _scientific, limit="reference_gradient_agreement"),
)


def table(records: Sequence[Record]) -> Table:
    """Rows in the order of the suite; the best figure of each column is marked among the rivals on each task."""
    shown = [c for c in COLUMNS if any(c.metrics[0] in r.metrics for r in records)]
    best = {c.title: _best(records, c) for c in shown}
    result = Table(box=None, pad_edge=False, padding=(0, 1), header_style="bold", collapse_padding=True)
    result.add_column("\nrow")  # the columns that may be cut where not everything fits
    result.add_column("\nbackend")
    for column in shown:
        result.add_column(column.title, justify="right", no_wrap=True)
    result.add_column("\nstatus", no_wrap=True)
    for record in records:
        cells = [Text(name, no_wrap=True, overflow="ellipsis") for name in (record.row, _backend(record))]
        for column in shown:
            text, value = _figure(record, column)
            mark = (
                value is not None
                and record.status is CellStatus.ok
                and value == best[column.title].get(record.config["task"])
            )
            cells.append(Text(f"*{text}" if mark else text, style="bold green" if mark else ""))
        style = "" if record.status is CellStatus.ok else "yellow" if record.status is CellStatus.skipped else "red"
        cells.append(Text(str(record.status), style=style))
        result.add_row(*cells)
    return result


def _backend(record: Record) -> str:
    device = record.config["device"]
    return str(record.config["backend"]) + ("" if device == "cpu" else f" {device}")


def _figure(record: Record, column: Column) -> tuple[str, float | None]:
    """What a cell of the table says, and the number that it competes with."""
    values = [record.metrics.get(name, math.nan) for name in column.metrics]
    if not math.isfinite(values[0]):
        return "–", None
    if values[0] < record.metrics.get(column.limit, -math.inf):
        values = [record.metrics[column.limit]]
        return f"<{column.format(values[0])}", values[0]
    return "/".join(column.format(v) if math.isfinite(v) else "–" for v in values), values[0]


def _best(records: Sequence[Record], column: Column) -> dict[str, float]:
    """The smallest figure of a column among the rivals on each task."""
    best: dict[str, float] = {}
    for record in records:
        _, value = _figure(record, column)
        if column.best and value is not None and record.status is CellStatus.ok:
            task = record.config["task"]
            best[task] = min(value, best.get(task, math.inf))
    return best


def print_run(store: Store, console: Console) -> None:
    """The table, the reasons of cells that did not end well, and where the files are."""
    records = store.records()
    console = console if console.is_terminal else Console(width=WIDTH, file=console.file)
    if records:
        console.print(table(records))
    else:
        console.print("no records yet")
    for record in records:
        if record.reason:
            line = f"{record.row} {_backend(record)}: {record.status}: {record.reason}"
            console.print(Text(line), soft_wrap=True)
    console.print(Text(f"* best of its column on its task. Results: {store.folder}"), soft_wrap=True)

"""The table of a run on a terminal."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from odebench.errors import choices
from odebench.record import CellStatus, Record
from odebench.report.fits import Growth, fits
from odebench.report.labels import accuracy, varying
from odebench.report.precision import COSTS, curves
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


def _digits(value: float) -> str:
    return f"{value:.4g}"


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
"""What a suite shows that does not say its ``columns``."""

FURTHER = (
    Column("JVPs", ("jvps",), _count, best=False),
    Column("NFE\nbwd", ("nfe_backward",), _count),
    Column("VJPs", ("vjps",), _count, best=False),
    Column("size\nsolved", ("solved_size",), _count),
    Column("forward\nerror", ("forward_error",), _scientific, limit="reference_forward_agreement"),
    Column("against\ny0", ("gradient_error_y0",), _scientific, limit="reference_gradient_agreement_y0"),
    Column(
        "param-\neters", ("gradient_error_parameters",), _scientific, limit="reference_gradient_agreement_parameters"
    ),
    Column("times", ("gradient_error_times",), _scientific, limit="reference_gradient_agreement_times"),
    Column("discrete\nmap", ("discrete_error",), _scientific, limit="discrete_agreement"),
    Column("recon-\nstruction", ("reconstruction_error",), _scientific),
    Column("past\nend", ("past_end",), _scientific),
)


_KNOWN = {column.metrics[0]: column for column in (*COLUMNS, *FURTHER)}


def _chosen(names: Sequence[str]) -> Sequence[Column]:
    """The columns of a suite's names, be it of metrics of its tasks' own; of those it is not known which is best."""
    return [_KNOWN.get(name) or Column(_title(name), (name,), _digits, best=False) for name in names] or COLUMNS


def _title(name: str) -> str:
    """A metric's name on two lines of about the same length."""
    words = name.split("_")
    cut = min(range(len(words)), key=lambda i: max(len(" ".join(words[:i])), len(" ".join(words[i:]))))
    return f"{' '.join(words[:cut])}\n{' '.join(words[cut:])}"


def table(records: Sequence[Record], columns: Sequence[str] = ()) -> Table:
    """Rows in the order of the suite; the best figure of each column is marked among the rivals on each task.

    :param columns: the metrics to show; :data:`COLUMNS` when empty.
    """
    shown = [c for c in _chosen(columns) if any(c.metrics[0] in r.metrics for r in records)]
    several = len({accuracy(record) for record in records} - {""}) > 1
    best = {c.title: _best(records, c) for c in shown}
    result = Table(box=None, pad_edge=False, padding=(0, 1), header_style="bold", collapse_padding=True)
    result.add_column("\nrow")  # the columns that may be cut where not everything fits
    result.add_column("\nbackend")
    if several:
        result.add_column("\naccuracy", no_wrap=True)
    for column in shown:
        result.add_column(column.title, justify="right", no_wrap=True)
    result.add_column("\nstatus", no_wrap=True)
    for record in records:
        cells = [Text(name, no_wrap=True, overflow="ellipsis") for name in (_row(record, records), _backend(record))]
        cells += [Text(accuracy(record))] if several else []
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


def _row(record: Record, records: Sequence[Record]) -> str:
    return " ".join([record.row, *varying(record, records)])


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
        columns = store.read("run.json").get("columns", ())
        console.print(table(records, columns))
        measured = {name for record in records for name in record.metrics}
        if absent := [name for name in columns if name not in measured and name not in _KNOWN]:
            hints = "; ".join(f"{name!r}: {choices(name, measured)}" for name in absent)
            console.print(Text(f"columns of the suite that no cell has: {hints}"), soft_wrap=True)
        _print_fits(fits(records, store.read("run.json").get("fits", ())), console)
    else:
        console.print("no records yet")
    for record in records:
        if record.reason:
            line = f"{record.row} {_backend(record)}: {record.status}: {record.reason}"
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
            result.add_column(f"{_scientific(target)}\n{title}", justify="right", no_wrap=True)
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
        row += [Text(_scientific(curve.best) if curve.points else "–"), Text(str(curve.failed or ""))]
        result.add_row(*row)
    console.print(result)
    console.print("* cheapest of its task; < the loosest cell is better than the target already; – not reached")


def _priced(cost: tuple[dict[str, float], str] | None, title: str, best: float) -> Text:
    if cost is None or title not in cost[0]:
        return Text("–")
    value, mark = cost[0][title], cost[1]
    text = {"ms": _milliseconds, "MB": _megabytes}.get(title, _count)(value)
    return Text(f"{mark}*{text}" if value == best else f"{mark}{text}", style="bold green" if value == best else "")

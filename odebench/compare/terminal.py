"""A comparison on a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from odebench.compare.comparison import Comparison
from odebench.compare.metrics import Kind
from odebench.compare.sides import Cell
from odebench.compare.verdict import Row, Verdict
from odebench.compare.words import clock, headline, incomparable, number, ratio, runs, shown
from odebench.report.labels import plain
from odebench.report.terminal import WIDTH

STYLES = {Verdict.regressed: "bold red", Verdict.improved: "bold green", Verdict.incomparable: "yellow"}
LISTED = 20


def print_comparison(comparison: Comparison, console: Console, everything: bool = False) -> None:
    """What differs between the two runs; how many of each verdict; and whatever is not the same, the worst first.

    :param everything: list what is the same, too, and each figure that is not comparable.
    """
    console = console if console.is_terminal else Console(width=WIDTH, file=console.file)
    for line in _head(comparison):
        console.print(line, soft_wrap=True)
    if comparison.counts:
        console.print(_counts(comparison))
    rows = comparison.rows if everything else shown(comparison.rows)
    for row in [row for row in rows if row.metric.kind is Kind.status]:
        said = _text(f"{comparison.name(row.record)}: {row.reason}")
        console.print(Text.assemble(_verdict(row.verdict), " ", said), soft_wrap=True)
    if figures := [row for row in rows if row.metric.kind is not Kind.status]:
        console.print(_rows(comparison, figures, everything))
    for place, metrics, reason, count in () if everything else incomparable(comparison.rows):
        console.print(_text(f"not comparable: {place} {metrics} ({count:,}): {reason}"), soft_wrap=True)
    for title, cells in (("added", comparison.added), ("gone", comparison.gone)):
        _print_cells(comparison, title, cells, console, everything)
    console.print(headline(comparison), soft_wrap=True)


def _head(comparison: Comparison) -> Iterable[Text]:
    yield Text.assemble(("A ", "bold"), plain(comparison.a.name), (" → B ", "bold"), plain(comparison.b.name))
    for line in (*runs(comparison), *comparison.versions):
        yield Text(f"  {plain(line)}")
    if comparison.others:
        yield Text(f"  and {len(comparison.others)} other packages (--format json lists them)")
    for one in comparison.clocks:
        yield Text(f"  {plain(clock(one))}")
    for note in (*comparison.notes, *comparison.unmatched):
        yield _text(f"note: {note}", "yellow")


def _text(words: str, style: str = "") -> Text:
    """Shown as it is: neither rich nor the terminal finds anything to obey in it."""
    return Text(plain(words), style=style)


def _verdict(verdict: Verdict) -> Text:
    return Text(verdict, style=STYLES.get(verdict, ""))


def _table(*columns: tuple[str, bool]) -> Table:
    result = Table(box=None, pad_edge=False, padding=(0, 1), header_style="bold", collapse_padding=True)
    for title, is_number in columns:
        result.add_column(title, justify="right" if is_number else "left", no_wrap=is_number, overflow="fold")
    return result


def _counts(comparison: Comparison) -> Table:
    result = _table(("metrics of", False), *((str(verdict), True) for verdict in Verdict))
    for place, count in comparison.counts.items():
        styles = (STYLES.get(v, "") if count[v] else "dim" for v in Verdict)
        result.add_row(_text(place), *(Text(f"{count[v]:,}", style=s) for v, s in zip(Verdict, styles, strict=True)))
    return result


def _rows(comparison: Comparison, rows: Sequence[Row], everything: bool) -> Table:
    result = _table(("verdict", False), ("cell", False), ("metric", False), ("A", True), ("B", True), ("B/A", True))
    if everything:
        result.add_column("why")
    for row in rows:
        cells = [comparison.name(row.record), row.name, number(row, row.old), number(row, row.new), ratio(row)]
        reason = [row.reason] if everything else []
        result.add_row(_verdict(row.verdict), *map(_text, [*cells, *reason]))
    return result


def _print_cells(comparison: Comparison, title: str, cells: Sequence[Cell], console: Console, everything: bool) -> None:
    listed = cells if everything else cells[:LISTED]
    for cell in listed:
        console.print(_text(f"{title}: {comparison.name(cell.record)}"), soft_wrap=True)
    if len(cells) > len(listed):
        console.print(f"{title}: {len(cells) - len(listed):,} more (--all lists them)")

"""The summary of a run, a row a cell, before anybody decides how it looks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from odebench.record import CellStatus, Record
from odebench.report.columns import Column, best, figure
from odebench.report.labels import Labels, accuracy, backend


@dataclass(frozen=True)
class Figure:
    """:param text: what is shown, without a mark.
    :param value: what it competes and is sorted by; None where there is none.
    :param best: whether it is the best of its column among the rivals on its task.
    """

    text: str
    value: float | None
    best: bool


@dataclass(frozen=True)
class Row:
    """:param accuracy: the tolerance or the number of steps; empty without an ODE."""

    record: Record
    name: str
    backend: str
    accuracy: str
    figures: Sequence[Figure]

    @property
    def measured(self) -> bool:
        """Whether it has any figure that is a number."""
        return any(figure.value is not None for figure in self.figures)


@dataclass(frozen=True)
class Summary:
    """Rows in the order of the records."""

    columns: Sequence[Column]
    rows: Sequence[Row]

    @cached_property
    def several_accuracies(self) -> bool:
        """Whether the rows differ in tolerance or number of steps, so that it is worth a column."""
        return len({row.accuracy for row in self.rows} - {""}) > 1


def summary(records: Sequence[Record], columns: Sequence[Column]) -> Summary:
    """:param columns: those of which no record has the first metric are left out."""
    shown = [c for c in columns if any(c.metrics[0] in record.metrics for record in records)]
    labels = Labels(records)
    lowest = [best(records, column) for column in shown]
    rows = []
    for record in records:
        task = record.config["task"]
        figures = []
        for column, least in zip(shown, lowest, strict=True):
            text, value = figure(record, column)
            wins = value is not None and record.status is CellStatus.ok and value == least.get(task)
            figures.append(Figure(text, value, wins))
        rows.append(Row(record, labels.row(record), backend(record), accuracy(record), figures))
    return Summary(shown, rows)

"""Points joined to lines, lines put in panels, and how they are called."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property

from odebench.record import Record
from odebench.report.charts.cells import Shown
from odebench.report.charts.model import Line, Panel, Point
from odebench.report.labels import Labels, accuracy


class Names:
    """Of the cells of one chart: what is the same in all of them is not in their names."""

    def __init__(self, records: Sequence[Record]) -> None:
        self._labels = Labels(records)
        self._records = records

    def line(self, record: Record, *without: str) -> str:
        """The backend with what tells it from others, but for tolerance and number of steps.

        :param without: what is left out besides: names of options, ``seed``.
        """
        return self._labels.label(record, *without)

    def cell(self, record: Record, *without: str) -> str:
        """With its tolerance or number of steps, too, where they differ."""
        words = accuracy(record) if len(self._accuracies[record.config["task"]]) > 1 else ""
        return " ".join(filter(None, [self.line(record, *without), words]))

    @cached_property
    def _accuracies(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = defaultdict(set)
        for record in self._records:
            found[record.config["task"]].add(accuracy(record))
        return found


def swept(shown: Sequence[Shown], *without: str) -> list[Panel]:
    """A panel a task, and there a line of the cells that differ in nothing else than tolerance or number of steps.

    :param without: the names of options in which they may differ, too.
    """
    names = Names([record for record, _ in shown])
    lines = [(record, names.line(record, *without), points) for record, points in shown]
    return _panels(lines, lambda record: names.line(record, "seed", *without))


def apart(shown: Sequence[Shown]) -> list[Panel]:
    """A panel a task, and there a line a cell."""
    names = Names([record for record, _ in shown])
    lines = [(record, str(i), points) for i, (record, points) in enumerate(shown)]
    return _panels(lines, lambda record: names.cell(record, "seed"))


def _panels(lines: Iterable[tuple[Record, str, Sequence[Point]]], name: Callable[[Record], str]) -> list[Panel]:
    """:param lines: cell, what line of its task it is on, points.
    :param name: of a cell's line.
    """
    found: dict[str, dict[str, Line]] = defaultdict(dict)
    points: dict[tuple[str, str], list[Point]] = defaultdict(list)
    for record, key, some in lines:
        task = record.config["task"]
        points[task, key].extend(some)
        if key not in found[task]:
            found[task][key] = Line(record.config["backend"], name(record), points[task, key])
    for every in points.values():
        every.sort(key=lambda point: point.x)
    return [Panel(task, list(of.values())) for task, of in found.items()]

"""Two sides, joined cell by cell and judged metric by metric."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from odebench.compare import machine
from odebench.compare.join import Joined, Pair, join
from odebench.compare.judge import Clock, judge
from odebench.compare.metrics import Kind
from odebench.compare.sides import Cell, Side, Taken
from odebench.compare.verdict import Row, Verdict
from odebench.record import Record
from odebench.report.labels import Labels, accuracy

_ORDER = {verdict: i for i, verdict in enumerate(Verdict)}


@dataclass(frozen=True)
class Comparison:
    """:param rows: one a metric of a joined cell, the worst first.
    :param versions: ``name old → new`` of odebench, frameworks and the packages that the cells used.
    :param others: the same of all other packages.
    :param notes: what a reader must know of the runs.
    """

    a: Side
    b: Side
    joined: Joined
    rows: Sequence[Row]
    clocks: Sequence[Clock]
    versions: Sequence[str]
    others: Sequence[str]
    notes: Sequence[str]

    @cached_property
    def _labels(self) -> dict[tuple[str, ...], Labels]:
        among: dict[tuple[str, ...], list[Record]] = {}
        for cell in (*(pair.b for pair in self.joined.pairs), *self.joined.added, *self.joined.gone):
            among.setdefault(_contest(cell.record), []).append(cell.record)
        return {key: Labels(records) for key, records in among.items()}

    def name(self, record: Record) -> str:
        """Task, backend with what tells it from its other cells on the task, and the tolerance or number of steps."""
        suite, task, _ = _contest(record)
        where = task if task.startswith(f"{suite}/") else f"{suite}: {task}"
        return " ".join(filter(None, [where, self._labels[_contest(record)].label(record), accuracy(record)]))

    @cached_property
    def counts(self) -> dict[str, Counter[Verdict]]:
        """By ``suite/preset`` how many metrics have each verdict."""
        found: dict[str, Counter[Verdict]] = {}
        for row in self.rows:
            found.setdefault(row.place, Counter())[row.verdict] += 1
        return dict(sorted(found.items()))

    @cached_property
    def taken(self) -> list[tuple[Taken, Taken]]:
        """The runs whose cells were joined."""
        found = {pair.runs: (pair.a.run, pair.b.run) for pair in self.joined.pairs}
        return sorted(found.values(), key=lambda runs: (runs[1].place, runs[0].place))

    @cached_property
    def added(self) -> list[Cell]:
        """Cells that only B has, of suites and presets that both have run."""
        return [cell for cell in self.joined.added if cell.run.place in {run.place for run in self.a.runs}]

    @cached_property
    def gone(self) -> list[Cell]:
        """Cells that only A has, of suites and presets that both have run."""
        return [cell for cell in self.joined.gone if cell.run.place in {run.place for run in self.b.runs}]

    @cached_property
    def unmatched(self) -> list[str]:
        """Suites and presets that only one has run, and how many of their cells the other has not."""
        lines = []
        for name, cells, both in (("A", self.joined.gone, self.gone), ("B", self.joined.added, self.added)):
            listed = {id(cell) for cell in both}
            count = Counter(cell.run.place for cell in cells if id(cell) not in listed)
            lines += [f"only {name} has run {place}: {n:,} cells" for place, n in sorted(count.items())]
        return lines


def _contest(record: Record) -> tuple[str, str, str]:
    return record.config["suite"], record.config["task"], record.config["backend"]


def compare(a: Side, b: Side) -> Comparison:
    """Join two sides and judge every metric of every joined cell: see :mod:`odebench.compare` for the rules."""
    joined = join(a, b)
    rows, clocks = judge(joined.pairs)
    rows.sort(key=lambda row: (_ORDER[row.verdict], -_size(row)))
    versions, others = _versions(joined.pairs)
    return Comparison(a, b, joined, rows, clocks, versions, others, _notes(a, b, joined.pairs))


def _size(row: Row) -> float:
    """How large a change is, statuses before all."""
    if row.metric.kind is Kind.status:
        return math.inf
    return 0.0 if math.isnan(row.ratio) else abs(math.log(row.ratio)) if 0 < row.ratio < math.inf else 1e300


def _versions(pairs: Sequence[Pair]) -> tuple[list[str], list[str]]:
    used = machine.packages(pair.b.record for pair in pairs)
    chief: dict[str, None] = {}
    others: dict[str, None] = {}
    for pair in {pair.runs: pair for pair in pairs}.values():
        first, rest = machine.versions(pair.a.run.environment, pair.b.run.environment, used)
        chief |= dict.fromkeys(first)
        others |= dict.fromkeys(rest)
    return list(chief), list(others)


def _notes(a: Side, b: Side, pairs: Sequence[Pair]) -> list[str]:
    notes = [f"{name}: {note}" for name, side in (("A", a), ("B", b)) for note in side.notes]
    for name, runs in (("A", [pair.a.run for pair in pairs]), ("B", [pair.b.run for pair in pairs])):
        silent = {run.place for run in runs if not run.tasks}
        if silent:
            notes.append(f"{name}: which version of its tasks was measured is not known: {', '.join(sorted(silent))}")
    return notes

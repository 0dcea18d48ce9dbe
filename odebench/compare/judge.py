"""Judges the pairs of a join, metric by metric."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, product
from typing import Any

from odebench.compare import exact, machine, times
from odebench.compare.join import Pair
from odebench.compare.metrics import Kind, Metric, metric
from odebench.compare.verdict import Row, Verdict
from odebench.record import CellStatus, Record

_LIMITS = {CellStatus.timeout, CellStatus.oom}
"""Ends that another machine may not come to."""


@dataclass(frozen=True)
class Clock:
    """How the machine's own speed differed between two runs, as far as their times tell.

    :param place: the suite and preset of B's.
    :param whole: of all of their times.
    :param least: the smallest drift of a group of rivals; ``most`` the largest.
    """

    place: str
    whole: times.Drift
    least: float
    most: float


@dataclass(frozen=True)
class _Timed:
    """A time, or a peak, that both have measured on the same machine.

    :param low: of the ratio's interval; NaN where there are no samples.
    """

    pair: Pair
    name: str
    metric: Metric
    low: float = math.nan
    high: float = math.nan

    @property
    def values(self) -> tuple[float, float]:
        return self.pair.a.record.metrics[self.name], self.pair.b.record.metrics[self.name]


def judge(pairs: Iterable[Pair]) -> tuple[list[Row], list[Clock]]:
    """A row for each metric of each pair; and how the machine drifted between each two runs.

    Times wait until all are there, for only together do they tell a drift.
    """
    judge = _Judge()
    rows = [row for pair in pairs for row in judge.rows(pair)]
    clocks = []
    for _, timed in _grouped(judge.timed, lambda t: t.pair.runs):
        sampled = [t for t in timed if t.metric.kind is Kind.time]
        if sampled:
            found, clock = _sampled(sampled)
            rows += found
            clocks.append(clock)
        for _, lone in _grouped([t for t in timed if t.metric.kind is not Kind.time], lambda t: t.name):
            rows += _lone(lone)
    return rows, clocks


class _Judge:
    """:ivar timed: the times and peaks of the pairs so far, which are yet to be judged."""

    def __init__(self) -> None:
        self.timed: list[_Timed] = []
        self._elsewhere: dict[tuple[str, ...], tuple[str, str]] = {}

    def rows(self, pair: Pair) -> Iterator[Row]:
        """All but the times."""
        a, b = pair.a.record, pair.b.record
        yield self._status(pair)
        if not (a.status is b.status is CellStatus.ok):
            return
        for name in dict.fromkeys([*a.metrics, *b.metrics]):
            what = metric(name, all(_is_sampled(record, name) for record in (a, b)))
            if what.kind is not Kind.part and (row := self._row(pair, name, what)):
                yield row

    def _status(self, pair: Pair) -> Row:
        a, b = pair.a.record, pair.b.record
        ends = [f"{name}: {record.reason}" for name, record in (("A", a), ("B", b)) if record.reason]
        said = str(a.status) if a.status is b.status else f"{a.status} → {b.status}"
        verdict = Verdict.same
        if a.status is not b.status:
            lost, won = a.status is CellStatus.ok, b.status is CellStatus.ok
            verdict = Verdict.regressed if lost else Verdict.improved if won else Verdict.incomparable
            elsewhere = pair.other_task or self._places(pair)[0]
            if elsewhere and {a.status, b.status} & _LIMITS:
                verdict, ends = Verdict.incomparable, [*ends, elsewhere]
        return _row(pair, "status", metric("status"), verdict, f"{said} ({'; '.join(ends)})" if ends else said)

    def _row(self, pair: Pair, name: str, what: Metric) -> Row | None:
        """None of a time that can be compared: it waits."""
        a, b = pair.a.record, pair.b.record
        if pair.other_task:
            return _row(pair, name, what, Verdict.incomparable, pair.other_task)
        if name not in a.metrics or name not in b.metrics:
            return _row(pair, name, what, Verdict.incomparable, f"only in {'A' if name in a.metrics else 'B'}")
        other_machine, other_arithmetic = self._places(pair)
        if not what.kind.is_timed:
            figures = exact.figures(a, b, name, what)
            verdict, reason = exact.judge(*figures, what, b.config["dtype"], other_arithmetic)
            return _row(pair, name, what, verdict, reason, figures)
        if other_machine:
            return _row(pair, name, what, Verdict.incomparable, other_machine)
        if not all(0 <= record.metrics[name] < times.MOST for record in (a, b)):
            return _row(pair, name, what, Verdict.incomparable, "it cannot be what it says")
        interval: tuple[float, float] = (math.nan, math.nan)
        if what.kind is Kind.time:
            interval = times.ratio_interval(*(record.samples[name.removesuffix("_s")] for record in (a, b)))
        self.timed.append(_Timed(pair, name, what, *interval))
        return None

    def _places(self, pair: Pair) -> tuple[str, str]:
        """In what the machines differ, and in what the arithmetic does, of all parts of both runs."""
        framework, device = (str(pair.b.record.config.get(key, "")) for key in ("framework", "device"))
        key = (*pair.runs, framework, device)
        if pair.runs[0] == pair.runs[1]:
            return "", ""
        if key not in self._elsewhere:
            both = list(product(pair.a.run.environments or ({},), pair.b.run.environments or ({},)))
            self._elsewhere[key] = (
                next(filter(None, (machine.other_machine(x, y, framework, device) for x, y in both)), ""),
                next(filter(None, (machine.other_arithmetic(x, y, framework, device) for x, y in both)), ""),
            )
        return self._elsewhere[key]


def _grouped(timed: Iterable[_Timed], key: Callable[[_Timed], Any]) -> Iterator[tuple[Any, list[_Timed]]]:
    for name, members in groupby(sorted(timed, key=key), key=key):
        yield name, list(members)


def _is_sampled(record: Record, name: str) -> bool:
    values = record.samples.get(name.removesuffix("_s"), [])
    return bool(values) and all(times.LEAST < x < times.MOST for x in (*values, record.metrics.get(name, 0.0)))


def _row(
    pair: Pair,
    name: str,
    what: Metric,
    verdict: Verdict,
    reason: str = "",
    figures: tuple[float, float] | None = None,
    **interval: float,
) -> Row:
    old, new = figures or (cell.record.metrics.get(name, math.nan) for cell in (pair.a, pair.b))
    return Row(pair.b.record, pair.b.run.place, name, what, old, new, verdict, reason, **interval)


def _sampled(timed: Sequence[_Timed]) -> tuple[list[Row], Clock]:
    """Of all the times of two runs that have samples."""
    ratios = [t.values[1] / t.values[0] for t in timed]
    drifts = times.drifts([t.pair.rivals for t in timed], ratios)
    rows = []
    for t, drift in zip(timed, drifts, strict=True):
        verdict = times.judge(t.low, t.high, drift.ratio, drift.band)
        rows.append(_row(t.pair, t.name, t.metric, verdict, low=t.low, high=t.high, drift=drift.ratio))
    whole = times.drifts([""] * len(ratios), ratios)[0]
    found = [drift.ratio for drift in drifts]
    told = times.Drift(whole.ratio, drifts[0].scatter, whole.count)
    return rows, Clock(timed[0].pair.b.run.place, told, min(found), max(found))


def _lone(timed: Sequence[_Timed]) -> list[Row]:
    """Of one metric with one value a cell, in all cells of two runs."""
    ratios = [t.values[1] / t.values[0] for t in timed if min(t.values) > times.LEAST]
    drift = next(iter(times.drifts([""] * len(ratios), ratios)), times.Drift())
    rows = []
    for t in timed:
        factor, floor = t.metric.kind.lone
        floor = floor if t.name.endswith(("_s", "_bytes")) else 0.0  # a ratio of times has no unit
        verdict = times.judge_lone(*t.values, drift, factor, floor)
        rows.append(_row(t.pair, t.name, t.metric, verdict, "one sample", drift=drift.ratio))
    return rows

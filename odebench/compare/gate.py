"""``--fail-on``: which verdicts make a comparison fail."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from odebench.compare.comparison import Comparison
from odebench.compare.metrics import Kind, metric
from odebench.compare.verdict import Row, Verdict
from odebench.compare.words import change
from odebench.errors import UserError, choices
from odebench.report.labels import plain

WORDS = ("regressed", "gone", "not-comparable")
_SYNTAX = re.compile(r"(?P<metric>[^\s=:]+)(=(?P<percent>\d+(\.\d*)?|\.\d+)%)?")


@dataclass(frozen=True)
class Condition:
    """:param metric: a glob; None for every metric but times and peaks, which fail only where they are named.
    :param excess: by how much worse it must be, as a part.
    """

    word: str
    metric: str | None = None
    excess: float = 0.0

    def __str__(self) -> str:
        percent = f"={100 * self.excess:.10g}%" if self.excess else ""
        return self.word + (f":{self.metric}{percent}" if self.metric else "")

    def meets(self, row: Row) -> bool:
        """Whether a row is what is not allowed."""
        wanted = {"regressed": Verdict.regressed, "not-comparable": Verdict.incomparable}.get(self.word)
        if row.verdict is not wanted:
            return False
        if wanted is Verdict.regressed and row.metric.kind is Kind.status:
            return True  # with the cell all of its figures are lost, whichever was named
        if wanted is Verdict.regressed and row.excess <= self.excess:
            return False
        return row.metric.kind.is_gating if self.metric is None else fnmatchcase(row.name, self.metric)


def parse(text: str) -> Condition:
    """``regressed``, ``regressed:GLOB``, ``regressed:GLOB=10%``, ``not-comparable[:GLOB]`` or ``gone``.

    :raises UserError: for anything else.
    """
    word, colon, rest = text.partition(":")
    if word not in WORDS:
        raise UserError(f"--fail-on {text}: unknown verdict {word!r}; {choices(word, WORDS)}")
    if not colon:
        return Condition(word)
    found = _SYNTAX.fullmatch(rest)
    if found is None or word == "gone" or (found["percent"] and word != "regressed"):
        valid = "regressed, regressed:METRIC, regressed:METRIC=10%, not-comparable, not-comparable:METRIC, gone"
        raise UserError(f"--fail-on {text}: write one of {valid}")
    return Condition(word, found["metric"], float(found["percent"] or 0) / 100)


@dataclass(frozen=True)
class Failure:
    """:param text: the cell, the metric, the old and the new figure."""

    text: str
    condition: Condition

    def __str__(self) -> str:
        return plain(f"{self.text} (--fail-on {self.condition})")


def failures(comparison: Comparison, conditions: Sequence[Condition]) -> list[Failure]:
    """What is not allowed, each once, with the first condition that it meets.

    :raises UserError: for a condition on a metric that no cell has: it could never be met.
    """
    for one in conditions:
        _check(one, comparison)
    found = []
    for row in comparison.rows:
        condition = next((one for one in conditions if one.meets(row)), None)
        if condition is not None:
            found.append(Failure(f"{comparison.name(row.record)} {row.name}: {change(row)}", condition))
    gone = next((one for one in conditions if one.word == "gone"), None)
    if gone is not None:
        found += [Failure(f"{comparison.name(cell.record)}: gone", gone) for cell in comparison.gone]
    return found


def _check(condition: Condition, comparison: Comparison) -> None:
    pairs = comparison.joined.pairs
    measured = {name for pair in pairs for cell in (pair.a, pair.b) for name in cell.record.metrics}
    heeded = ["status", *(name for name in measured if condition.word == "not-comparable" or metric(name).better)]
    glob = condition.metric
    if pairs and glob is not None and not any(fnmatchcase(name, glob) for name in heeded):
        raise UserError(f"--fail-on {condition}: no cell has such a metric; {choices(glob, heeded)}")

"""What is to be thought of a claim, given the runs that there are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from odebench.claims.model import Check, Claim, Filed
from odebench.claims.runs import evidence
from odebench.claims.sample import Sample
from odebench.claims.statistics import interval
from odebench.stored import StoredRun

MIN_SEEDS = 3


class Verdict(StrEnum):
    holds = "holds"
    fails = "does not hold"
    open = "not decided"


@dataclass(frozen=True)
class Row:
    """A check on one of its groups.

    :param group: the backend, or what else the check is made per; empty where there are no records.
    :param seeds: the statistic by seed.
    :param reason: why it is not decided.
    :param left_out: what was not taken into account, in words.
    :param run: the folder of the run, and what it was narrowed to.
    """

    check: Check
    group: str = ""
    verdict: Verdict = Verdict.open
    seeds: dict[int, float] = field(default_factory=dict)
    low: float = float("nan")
    high: float = float("nan")
    reason: str = ""
    left_out: str = ""
    run: str = ""

    @property
    def estimate(self) -> float:
        return float(np.mean(list(self.seeds.values()))) if self.seeds else float("nan")


@dataclass(frozen=True)
class Judged:
    """A claim with a row for each of its checks and groups."""

    filed: Filed
    rows: list[Row]

    @property
    def claim(self) -> Claim:
        return self.filed.claim

    @property
    def verdict(self) -> Verdict:
        """It holds if every row does, and does not if one does not."""
        verdicts = {row.verdict for row in self.rows}
        if Verdict.fails in verdicts:
            return Verdict.fails
        return Verdict.open if Verdict.open in verdicts else Verdict.holds

    @property
    def share(self) -> str:
        """How many of its rows are why it does not hold, or is not decided; empty where all are, or where it holds."""
        alike = sum(row.verdict is self.verdict for row in self.rows)
        return "" if alike == len(self.rows) else f" ({alike} of {len(self.rows)})"


def judge(filed: Filed, runs: Iterable[StoredRun]) -> Judged:
    rows: list[Row] = []
    for check in filed.claim.check:
        found = evidence(filed, check, runs)
        if isinstance(found, str):
            rows.append(Row(check, reason=found))
        else:
            run, groups = found
            where = f"{run.folder} (only {run.narrowed})" if run.narrowed else str(run.folder)
            rows += [row(check, group, sample, where) for group, sample in groups.items()]
    return Judged(filed, rows)


def row(check: Check, group: str, sample: Sample, run: str = "") -> Row:
    """The verdict on one group: the rule against the interval of its statistic over seeds."""
    left_out = ", ".join(f"{count} × {why}" if count > 1 else why for why, count in sample.left_out.items())
    if not sample.seeds:
        return Row(check, group, reason=left_out, run=run)
    low, high = interval(list(sample.seeds.values()), check.random)
    low, high = low - sample.margin, high + sample.margin
    verdict, reason = Verdict.open, ""
    if check.random and len(sample.seeds) < MIN_SEEDS:
        reason = f"{len(sample.seeds)} of at least {MIN_SEEDS} seeds"
    elif check.rule.holds(low, high):
        verdict = Verdict.holds
    elif check.rule.fails(low, high):
        verdict = Verdict.fails
    else:
        reason = "the interval straddles the rule"
    return Row(check, group, verdict, sample.seeds, low, high, reason, left_out, run)

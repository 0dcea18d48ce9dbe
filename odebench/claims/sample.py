"""From the records of a run to the numbers that a check is about: one a seed, for each of its groups."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from odebench.claims.model import Check
from odebench.claims.rule import Rule
from odebench.claims.statistics import STATISTICS, margin
from odebench.record import CellStatus, Record

STEP = "step"
Points = list[tuple[float, float]]


@dataclass
class Sample:
    """What a group of records gives.

    :param seeds: the statistic by seed.
    :param margin: the largest half of an interval that the statistic has of a seed by itself.
    :param left_out: why records, points or seeds were left out, and how often.
    """

    seeds: dict[int, float] = field(default_factory=dict)
    margin: float = 0.0
    left_out: Counter[str] = field(default_factory=Counter)


def samples(check: Check, records: Sequence[Record]) -> dict[str, Sample]:
    """By name of the group, in the records' order: those that have what the check asks for, or failed to."""
    groups: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        if matches(record, check.where):
            groups[_name(record, check.per)].append(record)
    rivals = [record for record in records if check.against is not None and matches(record, check.against)]
    found = {name: _sample(check, group, rivals) for name, group in groups.items()}
    return {name: sample for name, sample in found.items() if sample.seeds or sample.left_out}


def values(record: Record) -> dict[str, Any]:
    """What tells a record from others, in one table."""
    config = {k: v for k, v in record.config.items() if k not in ("options", "solve")}
    tables = {"option": record.config.get("options", {}), "solve": record.config.get("solve", {})}
    return {"row": record.row} | config | {f"{table}_{k}": v for table, of in tables.items() for k, v in of.items()}


def matches(record: Record, wanted: dict[str, Any]) -> bool:
    known = values(record)
    return all(_is(known.get(key), pattern) for key, pattern in wanted.items())


def _is(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, list):
        return any(_is(value, one) for one in wanted)
    if isinstance(wanted, Rule):
        return _number(value) is not None and wanted.holds(value, value)
    if isinstance(wanted, str):
        return value is not None and fnmatchcase(str(value), wanted)
    return bool(value == wanted) and isinstance(value, bool) == isinstance(wanted, bool)


def _name(record: Record, per: Iterable[str]) -> str:
    """The group, as ``torch/dopri5/adjoint points=30``; a device beside the CPU has its own."""
    known = values(record)
    if known.get("device", "cpu") != "cpu":
        per = [*per, "device"]
    bare = ("backend", "framework", "row", "task")
    words = [
        str(known.get(key)) if key in bare else f"{key.removeprefix('option_').removeprefix('solve_')}={known.get(key)}"
        for key in per
        if known.get(key) is not None
    ]
    return " ".join(words) or "all"


def _sample(check: Check, group: list[Record], rivals: list[Record]) -> Sample:
    sample = Sample()
    own = _points(check, group, sample.left_out)
    for seed in dict.fromkeys(seed for seed, _ in own):
        pairs = {pair: points for (of, pair), points in own.items() if of == seed}
        if check.against is None:
            number, half = _statistic(check, [point for points in pairs.values() for point in points])
        else:
            shared = [r for r in rivals if r.config["seed"] == seed and _shared(r, check) in pairs]
            against = _points(check, shared, sample.left_out)
            if not against:
                sample.left_out["no rival"] += 1
                continue
            theirs = {pair: points for (_, pair), points in against.items()}
            sample.left_out.update(["no rival"] * len(pairs.keys() - theirs.keys()))
            number, half = _compared(check, pairs, theirs)
        if math.isnan(number):
            sample.left_out[f"undefined {check.statistic}"] += 1
        else:
            sample.seeds[seed] = number
            sample.margin = max(sample.margin, half)
    return sample


def _compared(check: Check, own: dict[Any, Points], rivals: dict[Any, Points]) -> tuple[float, float]:
    """The statistic of the pairs that have a rival over the rival's, or less it, on average; and half of the interval
    of the difference, as errors add that know nothing of each other. Of a ratio there is none.

    NaN where one is over what is not positive: over a KL that an estimate has below 0, more would count as less.
    """
    found, margins = [], []
    for pair in [pair for pair in own if pair in rivals]:
        (ours, our_margin), (theirs, their_margin) = _statistic(check, own[pair]), _statistic(check, rivals[pair])
        if check.compare == "difference":
            found.append(ours - theirs)
            margins.append(math.hypot(our_margin, their_margin))
        else:
            found.append(ours / theirs if theirs > 0 else math.nan)
    if not found:
        return math.nan, 0.0
    return float(np.mean(found)), max(margins, default=0.0)


def _statistic(check: Check, points: Points) -> tuple[float, float]:
    """And half of its own interval."""
    x, y = np.array(points, dtype=np.float64).T
    return STATISTICS[check.statistic](x, y), margin(check.statistic, x, y)


def _shared(record: Record, check: Check) -> Any:
    """What a rival must have, too: the device whatever else, as times and memory are its own."""
    known = values(record)
    return tuple(known.get(key) for key in ("device", *check.pair))


def _points(check: Check, records: Iterable[Record], left_out: Counter[str]) -> dict[tuple[int, Any], Points]:
    """The points by seed and by what is shared with a rival."""
    found: dict[tuple[int, Any], Points] = defaultdict(list)
    for record in records:
        if record.status is not CellStatus.ok:
            left_out[str(record.status)] += 1
            continue
        key = record.config["seed"], _shared(record, check)
        for point in record.curve if check.x == STEP else [_final(record)]:
            x, y = _number(point.get(check.x) if check.x else 0.0), _quotient(point, check.y)
            if x is None or y is None:  # of another pass, unless it is NaN
                left_out.update([f"{check.y} is NaN"] * (point.get(check.y) != point.get(check.y)))
            elif broken := _broken(check, record, point):
                left_out[broken] += 1
            else:
                found[key].append((x, y))
    return found


def _final(record: Record) -> dict[str, Any]:
    """What a record as a whole says; last what the end of its training does."""
    return (record.curve[-1] if record.curve else {}) | values(record) | record.metrics


def _broken(check: Check, record: Record, point: dict[str, Any]) -> str:
    """The rule that it breaks, if any: that of a point of the curve by its own metrics, else by the record's."""
    for name, rule in check.require.items():
        number, integrated = _number(point.get(name, record.metrics.get(name))), name == "reconstruction_error"
        if number is None:
            return f"not known to be integrated: no {name}" if integrated else f"left out: no {name}"
        if not rule.holds(number, number):
            return f"{'not integrated' if integrated else 'left out'}: {name} is not {rule}"
    return ""


def _quotient(point: dict[str, Any], names: str) -> float | None:
    """A metric, or one over another; None where there is none, or nothing to divide by."""
    above, *below = [_number(point.get(name)) for name in metrics_of(names)]
    if above is None or not below:
        return above
    return above / below[0] if below[0] else None


def metrics_of(y: str) -> list[str]:
    """The metric, or the two, that a check's ``y`` names."""
    return y.split(" / ", 1)


def _number(value: Any) -> float | None:
    """A number that is one; None for what is not, as NaN or True."""
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        return None
    return float(value)

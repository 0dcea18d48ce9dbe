"""What does not depend on how busy a machine is: counters, errors, bytes, and what a training came to."""

from __future__ import annotations

import math

from odebench.compare.metrics import Kind, Metric
from odebench.compare.verdict import Verdict
from odebench.record import Record

EPS = {"float64": 2.0**-52, "float32": 2.0**-23, "bfloat16": 2.0**-7}
DIGITS, ULPS = 1e-6, 4
"""How far apart two figures are that count as the same: a part of themselves, and units in the last place of what they
are errors of. So much comes of another order of sums."""
OTHER_DIGITS, OTHER_ULPS = 0.01, 16
"""The same on another processor, with other threads, or with another version of the framework."""
BYTES = 1e-3
"""An interpreter's own objects come and go: 52 of 89,204 bytes between two runs of the same code."""


def limit(record: Record, name: str) -> float:
    """Below what an error means nothing: how far the references are apart, or a unit in the last place."""
    prefix = "" if name == "discrete_error" else "reference_"
    agreement = record.metrics.get(prefix + name.replace("_error", "_agreement"), 0.0)
    agreement = 0.0 if math.isnan(agreement) else agreement
    return max(agreement, EPS.get(record.config["dtype"], 0.0))


def figures(old: Record, new: Record, name: str, metric: Metric) -> tuple[float, float]:
    """What is compared: of an error no less than the limit below which it means nothing in either."""
    a, b = old.metrics[name], new.metrics[name]
    if metric.kind is Kind.error and metric.better < 0 and not (math.isnan(a) or math.isnan(b)):
        least = max(limit(old, name), limit(new, name))
        return max(a, least), max(b, least)
    return a, b


def judge(a: float, b: float, metric: Metric, dtype: str, elsewhere: str) -> tuple[Verdict, str]:
    """The verdict on two figures, and why it is not comparable.

    :param elsewhere: in what the arithmetic of the two runs differs; empty where it is the same.
    """
    if math.isnan(a) and math.isnan(b):
        return Verdict.same, ""
    if math.isnan(a) or math.isnan(b):
        if not metric.better:
            return Verdict.incomparable, "not a number in one"
        return (Verdict.improved if math.isnan(a) else Verdict.regressed), "not a number in one"
    if a == b or abs(a - b) <= _slack(metric.kind, a, b, dtype, bool(elsewhere)):
        return Verdict.same, ""
    if metric.kind is Kind.outcome and elsewhere:
        return Verdict.incomparable, f"training magnifies roundings: {elsewhere}"
    if not metric.better:
        return Verdict.incomparable, "it differs, and neither is better"
    return (Verdict.improved if (b - a) * metric.better > 0 else Verdict.regressed), ""


def _slack(kind: Kind, a: float, b: float, dtype: str, elsewhere: bool) -> float:
    """How far apart two figures are that count as the same."""
    size, eps = max(abs(a), abs(b)), EPS.get(dtype, 0.0)
    if math.isinf(size) or kind is Kind.counter:
        return 0.0
    if kind is Kind.memory:
        return BYTES * size
    if kind is Kind.error:
        return OTHER_DIGITS * size + OTHER_ULPS * eps if elsewhere else DIGITS * size + ULPS * eps
    return max(DIGITS, OTHER_ULPS * eps) * size

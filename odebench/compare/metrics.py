"""What kind of figure each metric is, which direction is better, and why: the one table that verdicts rest on.

The harness's own metrics are in it by their names, a suite's by how they are called: a ``*_error``, ``*_defect``,
``*_loss`` or ``test_*`` is to be small, an ``*_accuracy`` or ``*gain*`` large, whichever suite measures it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import cache


class Kind(StrEnum):
    """How a metric is compared; see :mod:`odebench.compare`."""

    status = "status"
    counter = "counter"
    error = "error"
    outcome = "outcome"
    memory = "memory"
    time = "time"
    single = "single time"
    once = "single call"
    peak = "peak"
    value = "value"
    part = "part"

    @property
    def is_timed(self) -> bool:
        """Whether it hangs on the machine and on what else it does."""
        return self in (Kind.time, Kind.single, Kind.once, Kind.peak)

    @property
    def is_gating(self) -> bool:
        """Whether a bare ``--fail-on regressed`` heeds it: what does not depend on how busy the machine is."""
        return self in (Kind.status, Kind.counter, Kind.error, Kind.outcome, Kind.memory)

    @property
    def lone(self) -> tuple[float, float]:
        """By which factor and by how much one value must be another where no interval is known of it."""
        return _LONE[self]


_LONE = {Kind.single: (2.0, 0.1), Kind.once: (4.0, 0.5), Kind.peak: (1.25, 1e6)}
"""Seconds, and bytes of a peak. First calls of the same code were seen 3.7 times apart on a busy machine."""


@dataclass(frozen=True)
class Metric:
    """:param better: -1 where smaller is better, 1 where larger is, 0 where neither is."""

    kind: Kind
    better: int
    why: str


_WORK = "work that the harness counted"
_WRONG = "distance from what is true, or from what a twin computes"
_LEARNT = "what a training came to: every rounding on its way changes it"
_GIVEN = "a fact of the task or of its data, or a figure of which neither more nor less is better"
_WITHIN = "belongs to another metric: its interval, or how far its references are apart"
_SPLIT = "says where the time that the overhead is made of went"

TABLE: tuple[tuple[str, Metric], ...] = (
    ("status", Metric(Kind.status, 0, "whether the cell ended well")),
    ("*_iqr_s", Metric(Kind.part, 0, _WITHIN)),
    ("*_low_s", Metric(Kind.part, 0, _WITHIN)),
    ("*_high_s", Metric(Kind.part, 0, _WITHIN)),
    ("*_samples", Metric(Kind.part, 0, _WITHIN)),
    ("*_agreement*", Metric(Kind.part, 0, _WITHIN)),
    ("part_*", Metric(Kind.part, 0, _SPLIT)),
    ("profile_slowdown", Metric(Kind.part, 0, _SPLIT)),
    ("nfe_*", Metric(Kind.counter, -1, _WORK)),
    ("vjps", Metric(Kind.counter, -1, _WORK)),
    ("jvps", Metric(Kind.counter, -1, _WORK)),
    ("products_*", Metric(Kind.counter, -1, _WORK)),
    ("accepted", Metric(Kind.counter, -1, "steps that the solver says it took")),
    ("rejected", Metric(Kind.counter, -1, "steps that the solver says it tried in vain")),
    ("host_syncs*", Metric(Kind.counter, -1, "how often Python waits for an array's values")),
    ("claimed_nfe", Metric(Kind.counter, -1, "evaluations that the solver says it made")),
    ("solved_size", Metric(Kind.counter, -1, "numbers in the largest state that is solved for")),
    ("past_end", Metric(Kind.error, -1, "how far beyond its times f was called, as a part of their span")),
    ("forward_error", Metric(Kind.error, -1, _WRONG)),
    ("gradient_error*", Metric(Kind.error, -1, _WRONG)),
    ("discrete_error", Metric(Kind.error, -1, _WRONG)),
    ("reconstruction_error", Metric(Kind.error, -1, _WRONG)),
    ("difference*", Metric(Kind.error, -1, _WRONG)),
    ("*_gap", Metric(Kind.error, -1, _WRONG)),
    ("*_defect", Metric(Kind.error, -1, _WRONG)),
    ("bitwise", Metric(Kind.error, 1, "whether two ways to compute the same agree in every bit")),
    ("*_accuracy", Metric(Kind.outcome, 1, _LEARNT)),
    ("*gain*", Metric(Kind.outcome, 1, _LEARNT)),
    ("test_elbo", Metric(Kind.outcome, 1, _LEARNT)),
    ("test_log_likelihood", Metric(Kind.outcome, 1, _LEARNT)),
    ("test_share", Metric(Kind.outcome, 1, _LEARNT)),
    ("test_*_standard_error", Metric(Kind.value, 0, _GIVEN)),
    ("test_*", Metric(Kind.outcome, -1, _LEARNT)),
    ("*_loss", Metric(Kind.outcome, -1, _LEARNT)),
    ("*_mse", Metric(Kind.outcome, -1, _LEARNT)),
    ("*_l1", Metric(Kind.outcome, -1, _LEARNT)),
    ("kl*", Metric(Kind.outcome, -1, _LEARNT)),
    ("*_error", Metric(Kind.outcome, -1, _LEARNT)),
    ("parameters", Metric(Kind.value, 0, _GIVEN)),
    ("train_steps", Metric(Kind.value, 0, _GIVEN)),
    ("loss", Metric(Kind.value, 0, "the loss of the parameters that everyone starts from: a fact of the task")),
    ("peak_*", Metric(Kind.peak, -1, "growth of a process's resident set, which its allocator has a say in")),
    ("device_peak_*", Metric(Kind.peak, -1, "what a device had allocated at most")),
    ("*_bytes", Metric(Kind.memory, -1, "counted, or told by a compiler")),
    ("first_call_s", Metric(Kind.once, -1, "one call, with whatever is loaded and compiled on its way")),
    ("compile_s", Metric(Kind.once, -1, "what the first call took beyond a usual one")),
    ("overhead", Metric(Kind.single, -1, "a ratio of times")),
    ("*_s", Metric(Kind.single, -1, "one value, of which no interval is known")),
)
"""Patterns in order: the first that fits is taken. A time with samples in the record is of kind ``time``."""

_TIME = Metric(Kind.time, -1, "the median of samples that were taken in turns with the rivals'")
_UNKNOWN = Metric(Kind.value, 0, "no rule says which direction is better")


@cache
def metric(name: str, sampled: bool = False) -> Metric:
    """What a metric is.

    :param sampled: whether the record has its samples.
    """
    if sampled:
        return _TIME
    return next((found for pattern, found in TABLE if fnmatchcase(name, pattern)), _UNKNOWN)

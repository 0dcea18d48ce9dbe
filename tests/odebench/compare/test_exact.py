"""Counters, errors, outcomes and bytes: what is the same, what is not, and what cannot be compared."""

import math

import pytest

from odebench.compare.comparison import compare
from odebench.compare.verdict import Verdict

from .conftest import PLACE, record, side

ELSEWHERE = {"cpu": "Other"}


def told(name, a, b, *, limit=None, dtype="float64", **environment):
    """The verdict on one metric.

    :param limit: how far the references are apart in A and in B.
    """
    limits = [{f"reference_{name.replace('_error', '_agreement')}": x} for x in limit or (0.0, 0.0)]
    runs = [[record(metrics={name: x} | more, dtype=dtype)] for x, more in zip((a, b), limits, strict=True)]
    found = compare(side(runs[0]), side(runs[1], name="B", environment=PLACE | environment))
    return next(row.verdict for row in found.rows if row.name == name)


@pytest.mark.parametrize("name", ["nfe_forward", "nfe_backward", "vjps", "jvps", "accepted", "rejected", "solved_size"])
def test_counters_are_compared_exactly(name):
    """One more is worse, on whatever machine."""
    assert told(name, 100, 101) is Verdict.regressed
    assert told(name, 100, 99, **ELSEWHERE) is Verdict.improved
    assert told(name, 100, 100) is Verdict.same
    assert told(name, 0, 1) is Verdict.regressed


def test_errors_are_compared_to_six_digits():
    """A change in the fifth digit is one; a change in the seventh comes of another order of sums."""
    assert told("gradient_error_y0", 1.2345e-5, 1.2346e-5) is Verdict.regressed
    assert told("gradient_error_y0", 1.2345678e-5, 1.2345679e-5) is Verdict.same
    assert told("discrete_error", 1e-5, 0.9e-5) is Verdict.improved


def test_no_error_is_below_its_references():
    """Where the references of either run are no closer to each other, a smaller error means nothing."""
    assert told("forward_error", 1e-9, 9e-9, limit=(1e-8, 1e-8)) is Verdict.same
    assert told("forward_error", 1e-9, 9e-9, limit=(1e-8, 1e-12)) is Verdict.same
    assert told("forward_error", 1e-9, 9e-8, limit=(1e-8, 1e-8)) is Verdict.regressed
    assert told("gradient_error_y0", 1e-9, 9e-9, limit=(1e-12, 1e-12)) is Verdict.regressed


def test_nor_below_a_unit_in_the_last_place():
    """Of the dtype that it was computed in."""
    assert told("forward_error", 1e-17, 2e-16) is Verdict.same
    assert told("forward_error", 1e-9, 1e-7, dtype="float32") is Verdict.same
    assert told("forward_error", 1e-9, 1e-7) is Verdict.regressed
    assert told("forward_error", 1.000e-4, 1.004e-4, dtype="float32") is Verdict.same
    assert told("forward_error", 1.000e-4, 1.010e-4, dtype="float32") is Verdict.regressed


def test_errors_elsewhere_are_compared_to_two_digits():
    """On another processor, or with another framework, the last digits differ: more than 1 % must they."""
    assert told("forward_error", 1.000e-5, 1.005e-5, **ELSEWHERE) is Verdict.same
    assert told("forward_error", 1.000e-5, 1.050e-5, **ELSEWHERE) is Verdict.regressed
    assert told("forward_error", 1e-7, 9e-7, dtype="float32", **ELSEWHERE) is Verdict.same
    newer = {"frameworks": {"toy": {"toy": "2.0", "threads": 2}}}
    assert told("forward_error", 1.000e-5, 1.005e-5, **newer) is Verdict.same
    assert told("forward_error", 1.000e-5, 1.005e-5) is Verdict.regressed


def test_what_was_learnt_elsewhere_is_not_comparable():
    """A training magnifies a rounding; on one arithmetic it is compared as an error is."""
    assert told("test_error", 0.40, 0.41) is Verdict.regressed
    assert told("test_accuracy", 0.40, 0.41) is Verdict.improved
    assert told("test_log_likelihood", -1.0, -1.1) is Verdict.regressed
    assert told("train_loss", 0.40, 0.41, **ELSEWHERE) is Verdict.incomparable
    assert told("train_loss", 0.40, 0.40, **ELSEWHERE) is Verdict.same


def test_bytes():
    """Some dozens of an interpreter's own come and go; more than 0.1 % do not."""
    assert told("kept_bytes", 89204, 89256) is Verdict.same
    assert told("memory_bytes", 89204, 90000) is Verdict.regressed


def test_a_figure_without_a_direction():
    """It is the same or it is not; neither is better. So is a metric that no rule knows."""
    assert told("loss", 0.5, 0.5) is Verdict.same
    assert told("loss", 0.5, 0.6) is Verdict.incomparable
    assert told("unheard_of", 0.5, 0.6) is Verdict.incomparable


def test_infinite_and_not_a_number():
    """An infinite error is an error; one that is no number is worse than any, and the same as its like."""
    assert told("reconstruction_error", 1.0, math.inf) is Verdict.regressed
    assert told("reconstruction_error", math.inf, math.inf) is Verdict.same
    assert told("reconstruction_error", 1.0, math.nan) is Verdict.regressed
    assert told("test_log_likelihood", math.nan, -1.0) is Verdict.improved
    assert told("loss", 1.0, math.nan) is Verdict.incomparable
    assert told("reconstruction_error", math.nan, math.nan) is Verdict.same


def test_statuses(record, side):
    """A cell that fails has regressed, one that no longer does has improved; two ways to fail cannot be compared."""
    a = [record(f"c{i}", status=status) for i, status in enumerate(("ok", "diverged", "diverged", "diverged"))]
    b = [record("c0", status="timeout", reason="killed after 60 s", metrics={"nfe_forward": 1}),
         record("c1"), record("c2", status="diverged"), record("c3", status="oom")]  # fmt: skip
    rows = {row.record.hash: row for row in compare(side(a), side(b, name="B")).rows}
    assert [rows[f"c{i}"].verdict for i in range(4)] == ["regressed", "improved", "same", "not comparable"]
    assert rows["c0"].reason == "ok → timeout (B: killed after 60 s)"


def test_limits_elsewhere(record, side):
    """What ran out of time or memory on another machine might not have here; what failed there has failed."""
    a = [record("c1"), record("c2")]
    b = [record("c1", status="timeout"), record("c2", status="error")]
    rows = compare(side(a), side(b, name="B", environment=PLACE | ELSEWHERE)).rows
    assert {row.record.hash: row.verdict for row in rows} == {"c1": "not comparable", "c2": "regressed"}
    assert rows[-1].reason == "ok → timeout (other CPU (Made Up 9000, Other))"


def test_other_version_of_the_task(record, side):
    """No figure of it is comparable; of another task all are; of one that is not told all are, with a note."""
    a = [record("c1", metrics={"nfe_forward": 1}), record("c2", metrics={"nfe_forward": 1}, task="made/line")]
    b = [record("c1", metrics={"nfe_forward": 9}), record("c2", metrics={"nfe_forward": 9}, task="made/line")]
    tasks = PLACE["tasks"] | {"made/decay": "ba9876543210"}
    found = compare(side(a), side(b, name="B", environment=PLACE | {"tasks": tasks}))
    assert {(row.record.hash, row.name): row.verdict for row in found.rows} == {
        ("c1", "status"): "same",
        ("c1", "nfe_forward"): "not comparable",
        ("c2", "status"): "same",
        ("c2", "nfe_forward"): "regressed",
    }
    reason = next(row.reason for row in found.rows if row.verdict is Verdict.incomparable)
    assert reason == "other version of the task (0123456789ab, ba9876543210)"
    silent = compare(side(a), side(b, name="B", environment={k: v for k, v in PLACE.items() if k != "tasks"}))
    assert [row.verdict for row in silent.rows if row.name == "nfe_forward"] == ["regressed", "regressed"]
    assert silent.notes == ["B: which version of its tasks was measured is not known: made/quick"]


@pytest.mark.parametrize(("status", "verdict"), [("timeout", "not comparable"), ("error", "regressed")])
def test_limits_of_another_version_of_the_task(record, side, status, verdict):
    """What runs out of time may be dearer by the task itself; what fails has failed."""
    other = PLACE | {"tasks": {"made/decay": "ba9876543210"}}
    found = compare(side([record()]), side([record(status=status)], name="B", environment=other))
    assert [row.verdict for row in found.rows] == [verdict]


def test_a_metric_that_only_one_has(record, side):
    """It is said which."""
    found = compare(side([record(metrics={"vjps": 1})]), side([record(metrics={"jvps": 1})], name="B"))
    assert {(row.name, row.reason) for row in found.rows if row.name != "status"} == {
        ("vjps", "only in A"),
        ("jvps", "only in B"),
    }

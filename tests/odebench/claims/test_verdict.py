"""Every way to a verdict, from the runs there are."""

import json
import math

import pytest

from odebench.claims.model import Check, read_claim
from odebench.claims.runs import find_runs
from odebench.claims.sample import Sample, samples
from odebench.claims.verdict import Verdict, judge, row
from odebench.errors import UserError

RANDOM = {"random": True, "rule": "0.4 .. 0.6"}


def verdict(check, records):
    """Of the one group: verdict, reason."""
    ((group, sample),) = samples(check, records).items()
    found = row(check, group, sample)
    return str(found.verdict), found.reason


def test_chance_matters_unless_it_is_denied(record):
    """A check that says nothing of it is not decided by one seed."""
    given = {"says": "how much", "statistic": "value", "y": "loss", "where": {}, "rule": "< 1"}
    expected = ("not decided", "1 of at least 3 seeds")
    assert verdict(Check.model_validate(given), [record({"loss": 0.5})]) == expected


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ((0.49, 0.50, 0.51), ("holds", "")),
        ((0.9, 0.91, 0.92), ("does not hold", "")),
        ((0.3, 0.5, 0.7), ("not decided", "the interval straddles the rule")),
        ((0.5, 0.5), ("not decided", "2 of at least 3 seeds")),
        ((0.9,), ("not decided", "1 of at least 3 seeds")),
        ((0.5, 0.5, 0.5), ("holds", "")),
        ((0.5, 0.5, math.inf), ("not decided", "the interval straddles the rule")),
        ((math.inf, math.inf, math.inf), ("does not hold", "")),
    ],
)
def test_where_chance_matters(record, check, losses, expected):
    """The 95 % interval over three seeds and more decides, and never fewer."""
    records = [record({"loss": loss}, seed=seed) for seed, loss in enumerate(losses)]
    assert verdict(check(**RANDOM), records) == expected


def test_where_chance_does_not(record, check):
    """One record is enough; of several seeds, all must be so."""
    assert verdict(check(), [record({"loss": 0.5})]) == ("holds", "")
    assert verdict(check(), [record({"loss": 1.0})]) == ("does not hold", "")
    records = [record({"loss": loss}, seed=seed) for seed, loss in enumerate((0.5, 1.5))]
    assert verdict(check(), records) == ("not decided", "the interval straddles the rule")


@pytest.mark.parametrize(("margin", "expected"), [(0.0, "holds"), (0.3, "holds"), (0.7, "not decided")])
def test_a_statistic_that_is_not_certain(check, margin, expected):
    """Its own interval decides, be it of one record."""
    assert row(check(), "a", Sample({0: 0.5}, margin)).verdict == expected


def test_nothing_to_go_by(record, check):
    """Not integrated, what else is required, diverged: why is said."""
    for metric, why in (("reconstruction_error", "not integrated"), ("kl", "left out")):
        records = [record({"loss": 0.5, metric: 0.9}, seed=seed) for seed in range(3)]
        expected = ("not decided", f"3 × {why}: {metric} is not < 0.1")
        assert verdict(check(require={metric: "< 0.1"}, **RANDOM), records) == expected
    assert verdict(check(), [record(status="diverged")]) == ("not decided", "diverged")


def test_a_seed_that_was_not_integrated_does_not_count(record, check):
    """Two of three are too few, and it is said why."""
    records = [
        record({"loss": 0.5, "reconstruction_error": error}, seed=seed) for seed, error in enumerate((0.01, 0.01, 0.9))
    ]
    ((group, sample),) = samples(check(require={"reconstruction_error": "< 0.1"}, **RANDOM), records).items()
    found = row(check(**RANDOM), group, sample)
    assert (found.reason, found.left_out) == (
        "2 of at least 3 seeds",
        "not integrated: reconstruction_error is not < 0.1",
    )


@pytest.fixture
def judged(suites, write_run, tmp_path):
    """The claim as judged by the runs: a run for each list of records."""

    def judged(*runs, claim=None):
        for i, records in enumerate(runs):
            write_run(records, name=f"run{i}")
        (tmp_path / "results").mkdir(exist_ok=True)
        found, wrong = find_runs([tmp_path / "results"])
        assert wrong == []
        return judge(read_claim(claim or suites()), found)

    return judged


def test_a_claim_holds_if_all_does(judged, record):
    """Each backend is a row."""
    records = [record({"loss": 0.5}), record({"loss": 0.1}, backend="toy/rk4/numeric")]
    found = judged(records)
    assert found.verdict is Verdict.holds
    assert found.share == ""
    assert [(r.group, r.estimate, r.low, r.high) for r in found.rows] == [
        ("toy/dopri5/numeric", 0.5, 0.5, 0.5),
        ("toy/rk4/numeric", 0.1, 0.1, 0.1),
    ]


def test_one_backend_is_enough_to_refute(judged, record):
    """Even where another is not decided."""
    backends = {"a": ({"loss": 0.5}, "ok"), "b": ({"loss": 2.0}, "ok"), "c": ({}, "diverged")}
    found = judged([record(metrics, status=status, backend=name) for name, (metrics, status) in backends.items()])
    assert [str(r.verdict) for r in found.rows] == ["holds", "does not hold", "not decided"]
    assert found.verdict is Verdict.fails
    assert found.share == " (1 of 3)"


def test_one_undecided_backend_leaves_it_open(judged, record):
    """Where none refutes."""
    found = judged([record({"loss": 0.5}), record(status="timeout", backend="other")])
    assert found.verdict is Verdict.open


def test_all_checks_count(judged, record, suites):
    """One that has no records leaves the claim open, though the other holds."""
    more = '[[check]]\nsays = "more"\nstatistic = "value"\ny = "los"\nwhere = {}\nrule = "< 1"\nrandom = false\n'
    file = suites("two", suites().read_text() + more)
    found = judged([record({"loss": 0.5})], claim=file)
    assert [str(r.verdict) for r in found.rows] == ["holds", "not decided"]
    assert found.rows[1].reason == "no record of this preset has 'los'; did you mean 'loss'?"
    assert found.verdict is Verdict.open


def test_no_run(judged, record, write_run, suites):
    """Runs of another suite or preset, and no such records, are none."""
    write_run([record({"loss": 0.5})], preset="slow", name="slow")
    write_run([record({"loss": 0.5})], suite="other")
    assert [r.reason for r in judged().rows] == ["no such run"]
    claim = suites("elsewhere", **{"toy/*": "nowhere/*"})
    assert [r.reason for r in judged([record({"loss": 0.5})], claim=claim).rows] == [
        "no run of this preset has such a record"
    ]


def test_the_newest_run_that_has_it(judged, record):
    """By when its cells ran, not by name; one that lacks the records, or in which they failed, is passed over."""
    old = [record({"loss": 9.0}, started="2026-01-01T00:00:00+00:00")]
    new = [record({"loss": 0.5}, started="2026-03-01T00:00:00+00:00")]
    empty = [record({"nfe": 9}, started="2026-04-01T00:00:00+00:00")]
    failed = [record(status="oom", started="2026-05-01T00:00:00+00:00")]
    found = judged(new, old, empty, failed)
    assert found.verdict is Verdict.holds
    assert found.rows[0].run.endswith("run0")


def test_a_narrowed_run_hides_none(judged, record, write_run):
    """A newer one of one backend does not stand for the whole; where there is no other it does, and says so."""
    write_run([record({"loss": 0.5}, started="2026-05-01")], name="part", selection={"only": ["framework=toy"]})
    alone = judged()
    assert alone.verdict is Verdict.holds
    assert alone.rows[0].run.endswith("part (only framework=toy)")
    assert judged([record({"loss": 9.0}, started="2026-01-01")]).verdict is Verdict.fails


def test_only_failed_runs(judged, record):
    """The newest of them says why."""
    found = judged([record(status="oom", started="1")], [record(status="diverged", started="2")])
    assert [r.reason for r in found.rows] == ["diverged"]


def test_runs_that_cannot_be_read(tmp_path, write_run, record):
    """Are named, and the others found; a folder that is not there is an error."""
    good = write_run([record({"loss": 0.5})])
    bad = write_run([], name="bad")
    (bad / "run.json").write_text("{}")
    newer = write_run([record()], name="newer")
    line = json.loads((newer / "records.jsonl").read_text()) | {"schema": 99}
    (newer / "records.jsonl").write_text(json.dumps(line))
    found, wrong = find_runs([tmp_path / "results", good])
    assert [run.folder for run in found] == [good]
    assert len(wrong) == 2
    assert str(bad) in wrong[0]
    assert "schema 99" in wrong[1]
    with pytest.raises(UserError, match="there is no folder"):
        find_runs([tmp_path / "nowhere"])

"""``--fail-on``: what is written, and what it then heeds."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from odebench.compare.comparison import compare
from odebench.compare.gate import WORDS, Condition, failures, parse
from odebench.errors import UserError

from .conftest import PLACE, record, side

globs = st.text(st.sampled_from("abcxyz_*?[]"), min_size=1, max_size=12)
percents = st.integers(0, 10**6).map(lambda n: n / 100)


@given(globs, percents)
def test_what_is_written_is_read(metric, percent):
    """A condition's own words are read as that condition, whatever the glob and the number."""
    found = parse(f"regressed:{metric}={percent:.10g}%")
    assert (found.word, found.metric) == ("regressed", metric)
    assert found.excess == pytest.approx(percent / 100)
    assert parse(str(found)) == found


@given(st.text(max_size=30))
def test_anything_else_is_refused_in_words(text):
    """A text either is a condition or ends in an error that a user can act on, never in another."""
    try:
        found = parse(text)
    except UserError as error:
        said = str(error)
    else:
        said = f"--fail-on {text}: "
        assert found.word in WORDS
        assert text.startswith(found.word)
    assert said.startswith(f"--fail-on {text}: ")


@given(st.sampled_from(["gone", "not-comparable"]), globs, percents)
def test_only_what_regressed_has_a_size(word, metric, percent):
    """A percentage of what is gone or cannot be compared means nothing."""
    with pytest.raises(UserError, match="write one of"):
        parse(f"{word}:{metric}={percent:.10g}%")


@given(st.floats(0.01, 1.0), st.floats(0.01, 1.0))
def test_more_than_is_allowed(excess, allowed):
    """It fails where it is worse by more than N %, and not by less."""
    assume(abs(excess - allowed) > 1e-6)
    rows = compared([record(metrics={"forward_error": 1.0})], [record(metrics={"forward_error": 1 + excess})])
    found = failures(rows, [Condition("regressed", "forward_*", allowed)])
    assert bool(found) == (excess > allowed)


def compared(a, b, **environment):
    return compare(side(a), side(b, name="B", environment=PLACE | environment))


@pytest.mark.parametrize(
    ("condition", "named"),
    [
        ("regressed", ["status", "memory_bytes", "nfe_forward", "gradient_error", "train_loss"]),
        ("regressed:first_call_s", ["status", "first_call_s"]),
        ("regressed:*_error", ["status", "gradient_error"]),
        ("regressed:nfe_*=50%", ["status", "nfe_forward"]),
        ("regressed:nfe_*=100%", ["status"]),
        ("regressed:status", ["status"]),
        ("not-comparable", []),
        ("not-comparable:loss", ["loss"]),
        ("gone", ["gone"]),
    ],
)
def test_what_fails(condition, named):
    """Bare, everything but times and what has no direction; those where they are named. A cell that no longer ends well
    fails always, for it lost what is named, too. Each in words.
    """
    worse = {"memory_bytes": 9e6, "nfe_forward": 20, "gradient_error": 2e-3, "train_loss": 1.1, "first_call_s": 9.0}
    better = {"memory_bytes": 1e6, "nfe_forward": 10, "gradient_error": 1e-3, "train_loss": 1.0, "first_call_s": 1.0}
    a = [record("c1", metrics=better | {"loss": 1.0}), record("c2"), record("c3")]
    b = [record("c1", metrics=worse | {"loss": 2.0}), record("c2", status="crashed", reason="signal 11")]
    found = failures(compared(a, b), [parse(condition)])
    words = [str(one) for one in found]
    assert len(words) == len(named)
    for name in named:
        assert any(f"toy/dopri5/numeric 1e-6 {name}: " in one or one.endswith(f"1e-6: {name} (--fail-on gone)")
                   for one in words)  # fmt: skip
    assert all(one.startswith("made/decay ") and one.endswith(f"(--fail-on {condition})") for one in words)


@pytest.mark.parametrize("metric", ["nfe_foward", "forward_iqr_s", "loss", "NFE*"])
def test_a_metric_that_no_cell_has(metric):
    """Is refused, for it could never fail: one misspelt, one that belongs to another, one without a direction."""
    cells = [record(metrics={"nfe_forward": 1, "forward_iqr_s": 1.0, "loss": 1.0})]
    with pytest.raises(UserError, match=r"no cell has such a metric; .*valid: nfe_forward, status"):
        failures(compared(cells, cells), [parse("regressed"), parse(f"regressed:{metric}")])


def test_a_figure_that_is_none_any_more():
    """Is worse by more than any number."""
    found = compared([record(metrics={"forward_error": 1.0})], [record(metrics={"forward_error": float("nan")})])
    assert len(failures(found, [parse("regressed:forward_error=1000%")])) == 1


def test_a_failure_is_one_line():
    """Whatever is in a name: a log, and those who read it, take what begins a line for something else."""
    hostile = "a\n::error::b\x1b[31m\ud800"
    (found,) = failures(compared([record(task=hostile)], [record(task=hostile, status="error")]), [parse("regressed")])
    assert str(found).isprintable()


def test_times_by_the_smaller_of_two():
    """A time that took 1.5 times as long while all took 1.25 times as long is 20 % worse, and no more."""

    def cells(factor, one):
        samples = [[1e-3 * (i + 1) * (one if i == 0 else factor)] * 5 for i in range(12)]
        return [record(f"c{i}", samples={"forward": x}, backend=f"toy/s{i}/n") for i, x in enumerate(samples)]

    found = compared(cells(1.0, 1.0), cells(1.25, 1.5))
    assert len(failures(found, [parse("regressed:forward_s=19%")])) == 1
    assert failures(found, [parse("regressed:forward_s=21%")]) == []
    assert failures(found, [parse("regressed")]) == []

"""Times of two runs: intervals, drift, and what is left of a difference."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from odebench.compare.comparison import compare
from odebench.compare.sides import Side
from odebench.compare.times import FEW, Drift, drifts, judge, ratio_interval
from odebench.compare.verdict import Verdict

from .conftest import PLACE, record, side

samples = st.lists(st.floats(1e-6, 1e3), min_size=1, max_size=9)


def rivals(factor=1.0, *, noise=0.01, cells=12, seed=0, slower=None):
    """Cells of one group of rivals, with five samples of each kind.

    :param noise: within a cell's samples.
    :param slower: by cell, what its times are multiplied by besides.
    """
    rng = np.random.default_rng(seed)
    found = []
    for i in range(cells):
        middle = 1e-3 * (i + 1) * factor * (slower or {}).get(i, 1.0)
        times = {
            kind: list(middle * np.exp(noise * rng.standard_normal(5))) for kind in ("forward", "forward_backward")
        }
        found.append(record(f"c{i}", samples=times, backend=f"toy/solver{i}/numeric"))
    return found


def verdicts(a, b):
    rows = compare(side(a), side(b, name="B")).rows
    return {(row.record.hash, row.name): row.verdict for row in rows if row.verdict is not Verdict.same}


@given(samples, samples)
def test_interval_of_the_reciprocal(a, b):
    """Who is called A changes nothing but the direction; and the interval holds the ratios that were seen."""
    if sorted(a) == sorted(b):
        return
    low, high = ratio_interval(a, b)
    assert ratio_interval(b, a) == pytest.approx((1 / high, 1 / low))
    assert min(b) / max(a) <= low * (1 + 1e-9)
    assert low <= high
    assert high <= max(b) / min(a) * (1 + 1e-9)


def test_interval_of_few_samples_is_their_range():
    """Three samples know no more than the least and the most of what was seen."""
    assert ratio_interval([1.0, 1.1, 1.2], [2.0, 2.2, 2.4]) == pytest.approx((2.0 / 1.2, 2.4 / 1.0))


def test_interval_covers_the_truth():
    """Of 400 ratios of medians of 21 samples of one law, about 95 % of the intervals hold 1."""
    rng = np.random.default_rng(1)
    draws = np.exp(0.1 * rng.standard_normal((400, 2, 21)))
    covered = sum(low <= 1 <= high for low, high in (ratio_interval(a, b) for a, b in draws.tolist()))
    assert 0.91 <= covered / 400 <= 0.99


def test_a_machine_that_drifts_regresses_nothing():
    """All cells took 1.4 times as long: that is told of the machine, and of no cell."""
    found = compare(side(rivals()), side(rivals(1.4, seed=1), name="B"))
    assert {row.verdict for row in found.rows} == {Verdict.same}
    assert found.clocks[0].whole.ratio == pytest.approx(1.4, rel=0.02)
    assert found.clocks[0].whole.scatter < 0.02


def test_a_cell_that_stands_out_regresses():
    """One cell of twelve took 1.3 times as long on a quiet machine, and another 0.7 times."""
    assert verdicts(rivals(), rivals(1.02, seed=1, slower={3: 1.3, 7: 0.7})) == {
        **{("c3", kind): Verdict.regressed for kind in ("forward_s", "forward_backward_s")},
        **{("c7", kind): Verdict.improved for kind in ("forward_s", "forward_backward_s")},
    }


def test_what_the_drift_alone_makes_of_a_cell_is_no_regression():
    """The others became faster and one did not: slower than its rivals, and yet no slower than it was."""
    assert verdicts(rivals(), rivals(0.7, seed=1, slower={3: 1 / 0.7})) == {}


def test_five_percent_are_the_same():
    """However narrow the intervals are."""
    assert verdicts(rivals(noise=1e-4), rivals(noise=1e-4, seed=1, slower={3: 1.04})) == {}


def test_a_busy_machine_widens_the_band():
    """Each cell 20 % off by chance, its own samples agreeing all the while: none is told to have changed, and one that
    takes three times as long is."""
    rng = np.random.default_rng(2)
    chance = {i: math.exp(0.2 * rng.standard_normal()) for i in range(12)}
    assert verdicts(rivals(), rivals(seed=1, slower=chance)) == {}
    told = verdicts(rivals(), rivals(seed=1, slower=chance | {3: 3.0}))
    assert {name for name, _ in told} == {"c3"}


def test_few_times_tell_no_drift():
    """With less than eight ratios nothing is taken out, and the band is wide."""
    assert verdicts(rivals(cells=3), rivals(1.6, cells=3, seed=1)) == {}
    assert set(verdicts(rivals(cells=3), rivals(2.5, cells=3, seed=1)).values()) == {Verdict.regressed}


def test_groups_of_rivals_drift_apart():
    """Each group has a drift of its own, as each was timed at its own time; a small one has the run's."""
    found = drifts(["a"] * FEW + ["b"] * FEW + ["c"], [1.0] * FEW + [1.5] * FEW + [1.2])
    assert [drift.ratio for drift in found] == pytest.approx([1.0] * FEW + [1.5] * FEW + [1.2])


def test_both_must_say_so():
    """As it is, and relative to the drift."""
    band = Drift(count=FEW).band
    assert judge(1.1, 1.3, 1.0, band) is Verdict.regressed
    assert judge(1.1, 1.3, 1.2, band) is Verdict.same
    assert judge(0.9, 1.3, 0.5, band) is Verdict.same
    assert judge(0.5, 0.6, 1.0, band) is Verdict.improved


def test_one_sample_says_little():
    """Twice a tenth of a second is the same first call; ten times a second is another; no time is ever negative."""

    def told(a, b, name="first_call_s"):
        found = compare(side([record(metrics={name: a})]), side([record(metrics={name: b})], name="B"))
        return next((row.verdict, row.reason) for row in found.rows if row.name == name)

    assert told(0.1, 0.2) == (Verdict.same, "one sample")
    assert told(1.0, 10.0) == (Verdict.regressed, "one sample")
    assert told(0.0, 0.2)[0] is Verdict.same
    assert told(0.0, 2.0)[0] is Verdict.regressed
    assert told(1.0, 2.5, "overhead")[0] is Verdict.regressed
    assert told(1.0, -1.0)[0] is Verdict.incomparable


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"cpu": "Other"}, "other CPU (Made Up 9000, Other)"),
        ({"logical_cores": 4}, "other number of cores (2, 4)"),
        ({"memory_bytes": 16e9}, "other size of memory (7.45 GiB, 14.9 GiB)"),
        ({"frameworks": {"toy": {"toy": "1.0", "threads": 1}}}, "other threads (2, 1)"),
        ({"flags": {"OMP_NUM_THREADS": "1"}}, "other OMP_NUM_THREADS (unset, 1)"),
    ],
)
def test_another_machine(change, reason):
    """No time is held against one of another machine, and the reason names both."""
    found = compare(side(rivals()), side(rivals(), name="B", environment=PLACE | change))
    told = {(row.verdict, row.reason) for row in found.rows if row.name == "forward_s"}
    assert told == {(Verdict.incomparable, reason)}
    assert found.clocks == []


@pytest.mark.parametrize(
    "change", [{"memory_bytes": 7.9e9}, {"frameworks": {"toy": {"toy": "2.0", "threads": 2}}}, {"python": "3.12.0"}]
)
def test_the_same_machine(change):
    """A kernel that keeps some memory to itself is the same machine; another version of a library is, too."""
    assert compare(side(rivals()), side(rivals(), name="B", environment=PLACE | change)).clocks


def test_a_run_resumed_elsewhere_has_no_times():
    """Half of its cells may be of either machine."""
    run = replace(side(rivals()).runs[0], environments=(PLACE, PLACE | {"cpu": "Other"}), origin="B")
    assert compare(side(rivals()), Side("B", [run])).clocks == []

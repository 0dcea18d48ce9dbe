"""Each statistic against a calculation by hand, and what must not change it."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from odebench.claims.statistics import STATISTICS, interval

NUMBERS = st.lists(st.integers(-99, 99).map(lambda n: n / 8), min_size=3, max_size=12)
POSITIVE = st.lists(st.tuples(st.floats(0.1, 100), st.floats(0.1, 100)), min_size=3, max_size=10)
UNDEFINED = [
    ("value", [], []),
    ("last", [], []),
    ("ratio", [0, 1], [1, 1]),
    ("slope", [1, 2, 3], [0, 1, 2]),
    ("slope", [-1, 2, 3], [1, 1, 1]),
    ("slope", [2, 2, 3], [1, 3, 4]),
    ("slope", [1, 2, 3], [1, 2, math.inf]),
    ("exponent", [1, 2, 4], [1, 2, 4]),
    ("exponent", [1, 2, 4, 8], [1, 2, 4, 0]),
    ("exponent", [1, 2, 4, 8], [1, 2, 4, math.inf]),
    ("linear", [1], [1]),
    ("r2", [1, 1, 2], [1, 2, 3]),
    ("r2", [1, 2, 3], [4, 4, 4]),
    ("spearman", [1, 2], [1, 2]),
    ("rise", [1, 1], [1, 2]),
    ("rise", [1, 2], [0, 2]),
    ("fall", [3], [1]),
    ("growth", [1, 2], [0, 2]),
]


def of(name, x, y):
    return STATISTICS[name](np.array(x, dtype=float), np.array(y, dtype=float))


@pytest.mark.parametrize(
    ("name", "x", "y", "expected"),
    [
        ("value", [0, 0, 0], [1, 2, 6], 3),
        ("value", [0, 0], [1, math.inf], math.inf),
        ("last", [2, 1, 2], [4, 100, 6], 5),
        ("ratio", [1, 2, 4], [3, 4, 4], 2),
        ("slope", [1, 2, 4], [3, 12, 48], 2),
        ("exponent", [1, 2, 4, 8, 16], [3, 6, 18, 66, 258], 2),
        ("exponent", [1, 2, 4, 8], [3, 3, 3, 3], 0),
        ("linear", [0, 1, 2], [1, 2, 6], 2.5),
        ("r2", [0, 1, 2], [0, 1, 5], 25 / 28),
        ("spearman", [1, 2, 3, 4], [1, 3, 2, 9], 0.8),
        ("spearman", [1, 2, 3], [9, 4, 1], -1),
        ("spearman", [1, 2, 3], [5, 5, 5], 0),
        ("rise", [3, 1, 2], [6, 4, 2], 3),
        ("rise", [1, 2, 3], [8, 4, 1], 0.5),
        ("rise", [1, 1, 2], [2, 4, 9], 3),
        ("fall", [1, 2, 3], [8, 4, 1], 4),
        ("fall", [1, 2, 3], [1, 2, 6], 0.5),
        ("growth", [2, 1, 3], [100, 2, 5], 2.5),
    ],
)
def test_by_hand(name, x, y, expected):
    """Whatever the order of the points, and with several at one x."""
    assert of(name, x, y) == pytest.approx(expected)


@pytest.mark.parametrize(("name", "x", "y"), UNDEFINED)
def test_undefined(name, x, y):
    """Where there is nothing to be said it is NaN, with no warning."""
    assert math.isnan(of(name, x, y))


@given(POSITIVE, st.floats(0.01, 100), st.floats(0.01, 100))
def test_the_exponent_has_no_units(points, a, b):
    """Scaling x and y leaves the exponent, the factors and the ranks as they are."""
    x, y = np.array(points).T
    assume(np.ptp(np.log(x)) > 0.1 and len(set(x)) == len(x) and len(set(x * a)) == len(x))
    assume(np.ptp(y) > 0.1 and stats.rankdata(y).tolist() == stats.rankdata(y * b).tolist())
    assume(stats.rankdata(x).tolist() == stats.rankdata(x * a).tolist())
    for name in ("slope", "rise", "fall", "growth", "spearman"):
        assert of(name, x * a, y * b) == pytest.approx(of(name, x, y), rel=1e-6, abs=1e-6), name


@given(st.floats(-3, 3), st.floats(0.1, 10), st.lists(st.floats(0.5, 50), min_size=3, max_size=8, unique=True))
def test_a_power_law_has_its_exponent(p, c, xs):
    """For every exponent and factor."""
    x = np.array(xs)
    assume(np.ptp(np.log(x)) > 0.01)
    assert of("slope", x, c * x**p) == pytest.approx(p, abs=1e-6)


@given(NUMBERS)
def test_the_interval_contains_the_mean(values):
    """And is scipy's t-interval, but where all values are one."""
    low, high = interval(values, random=True)
    mean = np.mean(values)
    assert low <= mean + 1e-9
    assert mean - 1e-9 <= high
    if len(set(values)) == 1:
        assert low == high == values[0]
    else:
        expected = stats.t.interval(0.95, len(values) - 1, mean, stats.sem(values))
        assert (low, high) == pytest.approx(expected, abs=1e-6)


def test_interval_by_hand():
    """1, 2, 3: standard error 1/√3, t of two degrees of freedom 4.3027."""
    assert interval([1.0, 2.0, 3.0], random=True) == pytest.approx(
        (2 - 4.30265 / 3**0.5, 2 + 4.30265 / 3**0.5), abs=1e-4
    )


def test_intervals_of_few_and_of_what_is_not_random():
    """One random value says nothing of the mean; what the seed does not change spans its range."""
    assert interval([1.0], random=True) == (-math.inf, math.inf)
    assert interval([3.0, 1.0], random=False) == (1.0, 3.0)
    assert interval([1.0], random=False) == (1.0, 1.0)
    assert interval([1.0, math.inf, 2.0], random=True) == (1.0, math.inf)

"""The interval for the median is the narrowest pair of order statistics that covers it; the rest is summary."""

from itertools import product
from math import inf, nextafter
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odebench.stats import median_interval, relative_half_width, summary

SAMPLES = st.lists(st.floats(1e-9, 1e3), min_size=1, max_size=60)
CONFIDENCE = st.floats(0.0, 0.999)


def coverage(n, k):
    """P(x_(k) < m < x_(n-1-k)), 0-based, by counting all 2^n ways in which n samples fall about the median m."""
    covered = sum(k < sum(below) < n - k for below in product((0, 1), repeat=n))
    return covered / 2**n


@pytest.mark.parametrize("n", range(1, 13))
@pytest.mark.parametrize("confidence", [0.0, 0.2, 0.4, 0.5, 0.7, 0.9, 0.95, 0.99])
def test_against_every_way_the_samples_can_fall(n, confidence):
    """The narrowest of all symmetric pairs whose brute-force coverage suffices; the extremes where none does."""
    covering = [k for k in range((n + 1) // 2) if coverage(n, k) >= confidence]
    k = max(covering, default=0)
    assert median_interval(range(n), confidence) == (k, n - 1 - k)


def test_textbook_values():
    """The ranks of the usual tables of the sign test's 95 % interval: n = 10, 20, 50, 100."""
    for n, low in ((5, 1), (6, 1), (9, 2), (10, 2), (20, 6), (50, 18), (100, 40)):
        assert median_interval(range(1, n + 1)) == (low, n + 1 - low)


@given(SAMPLES, CONFIDENCE)
def test_it_holds_the_median_and_stays_within_the_data(samples, confidence):
    """Whatever the samples and their order."""
    low, high = median_interval(samples, confidence)
    assert min(samples) <= low <= median(samples) <= nextafter(high, 1e9)
    assert high <= max(samples)
    assert median_interval(sorted(samples, reverse=True), confidence) == (low, high)


@given(SAMPLES, CONFIDENCE, CONFIDENCE)
def test_it_grows_with_the_confidence(samples, one, other):
    """More confidence never gives a narrower interval."""
    low, high = median_interval(samples, min(one, other))
    lower, higher = median_interval(samples, max(one, other))
    assert lower <= low <= high <= higher


def test_summary():
    """Median, quartiles' distance, interval and number, under the metric's name."""
    assert summary("forward", [5.0, 1.0, 2.0, 4.0, 3.0]) == {
        "forward_s": 3.0,
        "forward_iqr_s": 3.0,
        "forward_low_s": 1.0,
        "forward_high_s": 5.0,
        "forward_samples": 5,
    }
    assert summary("f", [2.0])["f_iqr_s"] == 0.0


def test_relative_half_width():
    """Half of the interval over the median; 0 where a clock is too coarse to see anything at all.

    Of five samples, the extremes miss the median one time in 16: there is no 95 % interval yet.
    """
    assert relative_half_width([5.0, 1.0, 2.0, 4.0, 3.0, 6.0]) == pytest.approx(2.5 / 3.5)
    assert relative_half_width([5.0, 5.0, 5.0, 5.0, 5.0]) == inf
    assert relative_half_width([0.0] * 6) == 0.0

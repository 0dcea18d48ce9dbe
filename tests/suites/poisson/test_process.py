"""The process of suites/poisson: events that follow the rate, and a likelihood that is known by hand."""

import numpy as np
import pytest

from suites.poisson import process
from suites.poisson.task import simpson


@pytest.fixture(scope="module")
def events():
    return process.draw(np.random.default_rng(0), 2000)


def test_events_follow_the_rate(events):
    """In each tenth of the time their number is Poisson's with the mean that the rate's integral says: within five
    standard deviations, over 2000 sequences."""
    edges = np.linspace(0, process.END, 11)
    counts, _ = np.histogram(events.times, edges)
    expected = 2000 * np.diff([process.compensator(t) for t in edges])
    assert np.all(np.abs(counts - expected) < 5 * np.sqrt(expected))


def test_sequences_are_poisson(events):
    """The number of a sequence's events has its mean for its variance."""
    counts = np.bincount(events.sequence, minlength=2000)
    assert counts.mean() == pytest.approx(process.compensator(process.END), rel=0.02)
    assert counts.var() == pytest.approx(counts.mean(), rel=0.2)


def test_the_integral_of_the_rate():
    """By hand and by Simpson's rule, which is exact of cubics."""
    ts = np.linspace(0, 7.0, 1001)
    assert simpson(process.rate(ts), 7.0) == pytest.approx(process.compensator(7.0), rel=1e-12)
    assert simpson(np.linspace(0, 2, 5) ** 3, 2.0) == pytest.approx(4, rel=1e-14)


def test_the_likelihood_of_a_constant_rate(events):
    """N log c - c T for each sequence."""
    c, n = 2.5, len(events.ticks)
    found = process.log_likelihood(events, np.full(n, c), c * process.END)
    assert found == pytest.approx(n * np.log(c) - 2000 * c * process.END, rel=1e-12)


def test_times_are_ticks(events):
    """Recorded to END / TICKS, and within the interval."""
    assert events.ticks.min() >= 1
    assert events.ticks.max() <= process.TICKS - 1
    np.testing.assert_allclose(events.times * process.TICKS / process.END, events.ticks)

"""Laws fitted to data of a known exponent, and what their errors are worth."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import linregress

from odebench.laws import offset_law, power_law

X = np.array([4.0, 32.0, 256.0, 512.0, 1024.0, 2048.0, 4096.0])
EXPONENTS = st.floats(0.2, 2.5)
POSITIVE = st.integers(-140, 140).map(lambda n: 10.0 ** (n / 2))


def noisy(y, size, seed):
    return y * np.exp(np.random.default_rng(seed).normal(0.0, size, len(y)))


@given(EXPONENTS, st.floats(1e-6, 1e6), st.booleans())
def test_a_power_law_is_found_again(exponent, factor, falling):
    """Whatever its factor, be it growing or falling."""
    exponent = -exponent if falling else exponent
    found = power_law(X, factor * X**exponent)
    assert found.exponent == pytest.approx(exponent)
    assert found.factor == pytest.approx(factor)
    assert found.error < 1e-9
    assert found.constant == 0


@given(st.integers(0, 10_000), st.floats(0.01, 0.5))
def test_its_error_is_that_of_linear_regression(seed, size):
    """As scipy's ``linregress`` has it."""
    y = noisy(3.0 * X**0.7, size, seed)
    found, known = power_law(X, y), linregress(np.log(X), np.log(y))
    assert (found.exponent, found.error) == (pytest.approx(known.slope), pytest.approx(known.stderr))
    assert found.freedom == len(X) - 2


@given(EXPONENTS, st.floats(0.2, 50.0), st.floats(1e-6, 1e6))
@settings(max_examples=50, deadline=None)
def test_a_constant_is_told_from_what_grows(exponent, constant, unit):
    """A constant of a fifth to fifty times what the smallest costs beside it; whatever the units of y."""
    found = offset_law(X, unit * (constant * X[0] ** exponent + X**exponent))
    assert found.exponent == pytest.approx(exponent, abs=2e-3)
    assert found.constant == pytest.approx(unit * constant * X[0] ** exponent, rel=2e-2)
    assert found.factor == pytest.approx(unit, rel=2e-2)


def test_a_constant_bends_the_law_without_one():
    """Of ``1 + x/100`` it says less than 1, and knows that it fits badly; the other says 1."""
    y = 1 + X / 100
    plain, beside = power_law(X, y), offset_law(X, y)
    assert plain.exponent < 0.7
    assert plain.error > 0.05
    assert (beside.exponent, beside.constant) == (pytest.approx(1.0), pytest.approx(1.0))
    assert beside.margin < 1e-4


def test_a_cost_that_grows_as_the_tolerance_falls():
    """Steps of a fifth order, beside a few: a negative exponent."""
    rtol = 10.0 ** -np.arange(3, 10)
    found = offset_law(rtol, 17 + 3 * rtol**-0.2)
    assert (found.exponent, found.constant) == (pytest.approx(-0.2), pytest.approx(17))


def test_an_interval_holds_the_truth_as_often_as_it_says():
    """Noise of 3 %, as of times: 19 of 20 times, by chance no less than 17; and it is no wider than it need be."""
    found = [offset_law(X, noisy(5 + 0.02 * X, 0.03, seed)) for seed in range(80)]
    held = [abs(law.exponent - 1) <= law.margin for law in found]
    assert np.mean(held) >= 0.85
    assert np.median([law.margin for law in found]) < 0.15


def test_what_begins_to_grow_late_grows():
    """By two fifths, at the last points alone, through noise of 3 %: no straight line, but no constant either."""
    found = [offset_law(X, noisy(5 + 0.0005 * X, 0.03, seed)) for seed in range(40)]
    assert np.mean([law.constant > 0 for law in found]) >= 0.9
    assert np.mean([abs(law.exponent - 1) <= law.margin for law in found]) >= 0.85


def test_noise_is_no_growth():
    """Of 5 %, around what does not grow: a constant beside it is found in few of 20."""
    found = [offset_law(X, noisy(np.full(7, 5.0), 0.05, seed)) for seed in range(20)]
    assert np.mean([law.constant > 0 for law in found]) <= 0.1
    assert np.mean([abs(law.exponent) <= law.margin for law in found]) >= 0.8


@pytest.mark.parametrize("y", [np.full(7, 31.0), np.array([31.0, 37, 31, 31, 37, 31, 31]), 100 + X / 1024])
def test_what_does_not_grow_has_no_exponent_to_speak_of(y):
    """Constant, up and down, or by less than a twentieth in all: near 0, without a constant."""
    found = offset_law(X, y)
    assert abs(found.exponent) < 0.02
    assert found.constant == 0


def test_nothing_has_no_error():
    """A constant is the power law of exponent 0, exactly."""
    assert power_law(X, np.full(7, 31.0)) == (0.0, 0.0, 31.0, 0.0, 5)
    assert power_law(X, np.full(7, 31.0)).margin == 0


def test_no_constant_is_the_law_without_one():
    """What has none is fitted with one parameter less, and its error is that of the straight line."""
    y = 31.0 * np.array([25 / 31, 1, 1, 1, 1, 1, 1])
    assert offset_law(X, y) == power_law(X, y)


@given(st.lists(POSITIVE, min_size=5, max_size=5, unique=True), st.lists(POSITIVE, min_size=5, max_size=5))
@settings(max_examples=25, deadline=None)
def test_whatever_was_measured_has_a_law(sizes, costs):
    """Be it as no cost is: no figure that a record can hold is an error, or a warning."""
    for law in (power_law(np.array(sizes), np.array(costs)), offset_law(np.array(sizes), np.array(costs))):
        assert np.isfinite(law.exponent)
        assert law.margin >= 0

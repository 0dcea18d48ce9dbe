"""Errors are relative, over all arrays together, and against a truth whose own doubt is known."""

import numpy as np
import pytest

from odebench.measure.accuracy import agree, agreement, errors, quantities, relative_errors, truth

REFERENCE = {"prediction": np.array([3.0, 4.0]), "gradient/a": np.array([[1.0]]), "gradient/b": np.array([2.0, 2.0])}


def test_relative_errors():
    """One norm over all arrays of a quantity: ‖(3e, 4e)‖ / ‖(3, 4)‖, and ‖(0, 0, 0.3)‖ / ‖(1, 2, 2)‖, in any order."""
    value = {"gradient/b": np.array([2.0, 2.3]), "gradient/a": np.array([[1.0]]), "prediction": np.array([3.3, 4.4])}
    found = relative_errors(value, REFERENCE)
    assert found == {"forward": pytest.approx(0.1), "gradient": pytest.approx(0.1)}
    assert relative_errors(REFERENCE, REFERENCE) == {"forward": 0.0, "gradient": 0.0}


def test_a_reference_of_zero_makes_the_error_absolute():
    """Nothing is divided by zero."""
    assert relative_errors({"prediction": np.array([0.5])}, {"prediction": np.zeros(1)})["forward"] == 0.5


def test_float32_is_compared_in_float64():
    """A difference below float32's resolution is not lost: 1/3 in float32 is 1e-8 off."""
    third = {"prediction": np.array([1 / 3])}
    error = relative_errors({"prediction": third["prediction"].astype(np.float32)}, third)["forward"]
    assert error == pytest.approx(abs(float(np.float32(1 / 3)) * 3 - 1), rel=1e-6)


def test_a_value_that_is_not_finite_is_no_small_error():
    """NaN stays NaN."""
    found = relative_errors({"prediction": np.array([np.nan])}, {"prediction": np.ones(1)})
    assert np.isnan(found["forward"])


def test_an_initial_value_problem_has_parts():
    """y0, the first, the last and the other times, and the parameters, each relative to itself."""
    reference = {
        "prediction": np.ones((4, 1)),
        "gradient/y0": np.array([2.0]),
        "gradient/ts": np.array([4.0, 3.0, 4.0, 8.0]),
        "gradient/k": np.array(10.0),
    }
    value = reference | {"gradient/ts": np.array([5.0, 3.0, 3.0, 4.0]), "gradient/y0": np.array([3.0])}
    found = relative_errors(value, reference)
    parts = {"y0": 0.5, "t0": 0.25, "t1": 0.5, "times": 0.2, "parameters": 0.0}
    assert {name: found[f"gradient_{name}"] for name in parts} == parts
    two_times = reference | {"gradient/ts": np.array([4.0, 8.0])}
    assert "gradient_times" not in quantities(two_times)


def test_the_nearest_truth_says_what_is_known():
    """Of three, two that agree are believed, and never to less than float64's rounding."""
    far = {"prediction": np.array([1.5])}
    near, first = {"prediction": np.array([1.25])}, {"prediction": np.array([1.0])}
    assert agreement(agree(first, far, near))["forward"] == 0.25
    assert agreement(agree(first, first))["forward"] == 2.0**-53


def test_agree():
    """The first truth, and how far the second is from it, forward and in the gradient apart."""
    second = REFERENCE | {"prediction": np.array([3.0, 4.5]), "gradient/b": np.array([2.0, 2.3])}
    found = agree(REFERENCE, second)
    assert found["prediction"] is REFERENCE["prediction"]
    assert found["agreement/forward"] == pytest.approx(0.1)
    assert found["agreement/gradient"] == pytest.approx(0.1)


def test_against_the_closed_form(make_session, tmp_path):
    """The decay's solution y0·exp(-k) and its loss's gradient, by hand, against what the truth of two solvers says."""
    judges = [truth(make_session(backend=f"toy/{name}/numeric")) for name in ("dopri8", "tsit5")]
    y0, k = np.array([1.0, 2.0]), 1.0
    np.testing.assert_allclose(judges[0]["prediction"], y0 * np.exp(-k), rtol=1e-6)
    gradient = np.mean((y0 * np.exp(-k) - y0 * np.exp(-2)) * -y0 * np.exp(-k))
    np.testing.assert_allclose(judges[0]["gradient/rate"], gradient, rtol=1e-5)
    file = tmp_path / "reference.npz"
    np.savez(file, **agree(*judges))
    found = errors(make_session(backend="toy/dopri8/numeric"), file)
    assert found["forward_error"] == found["gradient_error"] == 0.0
    assert 0 < found["reference_forward_agreement"] < 1e-5
    worse = errors(make_session(backend="toy/euler/numeric"), file)
    assert worse["forward_error"] > 1e-3
    assert worse["gradient_error"] > 1e-3

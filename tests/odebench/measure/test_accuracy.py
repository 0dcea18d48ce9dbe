"""Errors are relative, over all arrays together, and against a truth whose own doubt is known."""

import numpy as np
import pytest

from odebench.measure.accuracy import agree, errors, relative_error, truth

REFERENCE = {"prediction": np.array([3.0, 4.0]), "gradient/a": np.array([[1.0]]), "gradient/b": np.array([2.0, 2.0])}


def test_relative_error():
    """One norm over all arrays of a prefix: ‖(3e, 4e)‖ / ‖(3, 4)‖, and ‖(0, 0, 0.3)‖ / ‖(1, 2, 2)‖."""
    value = {"prediction": np.array([3.3, 4.4]), "gradient/a": np.array([[1.0]]), "gradient/b": np.array([2.0, 2.3])}
    assert relative_error(value, REFERENCE, "prediction") == pytest.approx(0.1)
    assert relative_error(value, REFERENCE, "gradient/") == pytest.approx(0.1)
    assert relative_error(REFERENCE, REFERENCE, "") == 0.0


def test_a_reference_of_zero_makes_the_error_absolute():
    """Nothing is divided by zero."""
    assert relative_error({"prediction": np.array([0.5])}, {"prediction": np.zeros(1)}, "prediction") == 0.5


def test_float32_is_compared_in_float64():
    """A difference below float32's resolution is not lost: 1/3 in float32 is 1e-8 off."""
    third = {"x": np.array([1 / 3])}
    error = relative_error({"x": third["x"].astype(np.float32)}, third, "x")
    assert error == pytest.approx(abs(float(np.float32(1 / 3)) * 3 - 1), rel=1e-6)


def test_a_value_that_is_not_finite_is_no_small_error():
    """NaN stays NaN."""
    assert np.isnan(relative_error({"x": np.array([np.nan])}, {"x": np.ones(1)}, "x"))


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

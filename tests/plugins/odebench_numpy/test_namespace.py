"""The Array API under autograd: names that it lacks, and an index into a number beside other uses of it."""

from __future__ import annotations

from typing import Any

import autograd
import numpy as np
import pytest

from odebench_numpy import namespace as xp
from odebench_numpy import spaces


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_number_that_is_indexed_and_used_otherwise(dtype: Any) -> None:
    """``t² + 3t + (2t)`` with the last one an array: autograd alone raises a TypeError; the dtype is kept."""
    spaces.repair()
    for t in (np.array(2, dtype), dtype(2)):
        slope = autograd.grad(lambda t: t * t + 3 * t + xp.sum(2 * t[..., None]))(t)
        assert (slope, np.asarray(slope).dtype) == (9, dtype)


@pytest.mark.parametrize("name", ["acos", "acosh", "asin", "asinh", "atan", "atanh"])
def test_inverse_functions(name: str) -> None:
    """Have the derivative that a complex step gives."""
    x = 1.3 if name == "acosh" else 0.3
    assert autograd.grad(getattr(xp, name))(x) == pytest.approx(getattr(np, name)(x + 1e-30j).imag / 1e-30)


def test_other_names_of_the_standard() -> None:
    """Values as NumPy's own, and gradients."""
    x = np.arange(6.0).reshape(2, 3) + 1
    assert xp.concat([x, x], axis=1).shape == (2, 6)
    assert autograd.grad(lambda x: xp.sum(xp.concat([x, 2 * x], axis=-1)))(x).tolist() == [[3.0] * 3] * 2
    weights = np.arange(6.0).reshape(3, 2)
    for transposed in (xp.matrix_transpose, lambda x: xp.permute_dims(x, (1, 0))):
        assert autograd.grad(lambda x, f=transposed: xp.sum(weights * f(x)))(x).tolist() == weights.T.tolist()
    slope = autograd.grad(lambda x: xp.sum(xp.pow(x, 2) + xp.atan2(x, 1.0) - xp.atan(x)))(x)
    np.testing.assert_allclose(slope, 2 * x, rtol=1e-14)

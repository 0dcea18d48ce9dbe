"""The step-size controller's exponents: what they make of a solve whose error is C h^k, and how far from DOPRI5's."""

from __future__ import annotations

import numpy as np
import pytest

from odebench.control import SAFETY, pi_exponents

ORDERS = pytest.mark.parametrize("k", [2, 3, 5, 8])


def test_half_of_dopri5s_beta() -> None:
    """Where DOPRI5 has β = 0.04 and α = 0.2 - 0.75 β."""
    alpha, beta = pi_exponents(5)
    assert beta == pytest.approx(0.04 / 2)
    assert alpha == pytest.approx(0.2 - 0.75 * beta)


@ORDERS
def test_a_solve_settles_below_its_tolerance(k: int) -> None:
    """Steps no longer change where ``SAFETY · err^(β - α) = 1``; from any start that is reached in a few steps."""
    alpha, beta = pi_exponents(k)
    for constant in (1e-6, 1.0, 1e6):
        h, last = 1.0, 1.0
        for _ in range(20):
            error = constant * h**k
            h, last = h * SAFETY * error**-alpha * last**beta, error
        assert constant * h**k == pytest.approx(SAFETY ** (1 / (alpha - beta)), rel=1e-6)
        assert 0.3 < constant * h**k < 1


@ORDERS
def test_what_a_wrong_step_leaves_behind_fades(k: int) -> None:
    """``log h`` follows a linear recurrence whose roots lie well within the unit circle, whatever the order."""
    alpha, beta = pi_exponents(k)
    assert max(abs(np.roots([1.0, k * alpha - 1.0, -k * beta]))) < 0.5

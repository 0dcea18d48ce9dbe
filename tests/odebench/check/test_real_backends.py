"""Our own pass: so a failure of another's is not the check's."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize("backend", ["torch/dopri5/backprop", "torch/dopri5/adjoint", "torch/rk4/backprop"])
def test_all_checks_pass(measure, backend):
    """Or do not apply: then for a reason that is given."""
    found = measure(backend)
    assert [check for check, outcome in found.items() if outcome.verdict == "fail"] == []
    assert all(outcome.note for outcome in found.values() if outcome.verdict == "n-a")
    assert sum(outcome.verdict == "pass" for outcome in found.values()) >= 35


def test_which_gradient_it_is(measure):
    """Backprop's is that of the discrete map to many digits; the adjoint's differs from it by the method's error."""
    check = "gradient: of the discrete map"
    exact, continuous = (measure(f"torch/dopri5/{name}", check)[check] for name in ("backprop", "adjoint"))
    assert exact.figure < 1e-9
    assert continuous.verdict == "n-a"
    assert 1e-6 < continuous.figure < 1e-2

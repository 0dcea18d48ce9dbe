"""The gradient against differences of the discrete map."""

from dataclasses import replace

import pytest

from odebench.measure.difference import difference


def on_equal_steps(make_session, dtype):
    session = make_session(backend="toy/rk4/numeric", dtype=dtype)
    session.cell = replace(session.cell, num_steps=5)
    object.__setattr__(session.backend, "options", {"num_steps": 5})
    return session


def test_a_gradient_of_the_discrete_map_agrees(make_session):
    """Toy's gradient is a difference itself: on equal steps both are the derivative of the same map."""
    found = difference(on_equal_steps(make_session, "float64"))
    assert found["discrete_error"] < 1e-6
    assert found["discrete_agreement"] < 1e-6


def test_a_wrong_gradient_is_told(make_session):
    """One that is 1 % too large is off by 1 %."""
    session = on_equal_steps(make_session, "float64")
    right = session.value_and_grad
    session.value_and_grad = lambda params, batch: (0.0, {k: 1.01 * g for k, g in right(params, batch)[1].items()})
    assert difference(session)["discrete_error"] == pytest.approx(0.01, rel=1e-3)


def test_rounded_numbers_are_not_differenced(make_session):
    """In float32 there is no such figure, nor without an ODE, nor where a controller chooses the steps."""
    assert difference(on_equal_steps(make_session, "float32")) == {}
    assert difference(make_session("toy/line", "toy")) == {}
    assert difference(make_session()) == {}

"""Reconstruction error."""

import math

import numpy as np
import pytest

from odebench.measure.reconstruction import reconstruction


def with_options(session, **options):
    object.__setattr__(session.backend, "options", options)
    return session


def test_a_field_that_is_integrated_comes_back(make_session):
    """At a tight tolerance the way back ends where the way there began; with one Euler step it does not, by h²."""
    tight = reconstruction(with_options(make_session(), rtol=1e-10, atol=1e-12))["reconstruction_error"]
    assert 0 < tight < 1e-8
    coarse = reconstruction(with_options(make_session(backend="toy/euler/numeric"), num_steps=1))
    assert coarse["reconstruction_error"] > 1e-2


def test_a_solve_that_fails_reconstructs_nothing(make_session):
    """An infinite error, and no exception: the cell has other figures to tell."""
    found = reconstruction(with_options(make_session(), rtol=1e-10, atol=1e-12, max_steps=1))
    assert found == {"reconstruction_error": math.inf}


def test_without_an_ode_there_is_nothing_to_reconstruct(make_session):
    """A task without an ODE has no such figure."""
    assert reconstruction(make_session("toy/line", "toy")) == {}


def test_a_state_of_several_arrays_is_put_together_again(make_session):
    """A tree with given leaves, whatever the order of a dict's keys."""
    session = make_session()
    tree = {"b": np.zeros(2), "a": (np.zeros(1), [np.zeros(3)])}
    leaves = [np.full(1, 1.0), np.full(3, 2.0), np.full(2, 3.0)]
    found = session.like(tree, list(leaves))
    assert list(found) == ["b", "a"]
    assert found["b"] == pytest.approx(3.0)
    assert found["a"][0] == pytest.approx(1.0)
    assert found["a"][1][0] == pytest.approx(2.0)

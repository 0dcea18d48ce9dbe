"""Routes to the truth agree, and what is stored is what they say."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from odebench import truth
from odebench.measure.accuracy import relative_errors
from suites.ivp.collocation import solve
from suites.ivp.complex_step import jacobian
from suites.ivp.library import PROBLEMS

LIMITED = {"arenstorf": 1e-9, "vanderpol1000": 1e-9, "d5": 1e-9}  # where float64 is the limit of the second route


@pytest.mark.parametrize("name", sorted(PROBLEMS))
def test_references_are_stored_and_agree(name, registry):
    """By two routes at least, to 1e-10 in the whole gradient unless the problem itself magnifies rounding."""
    task = registry.tasks[f"ivp/{name}"]
    key = truth.key(task, 0, {})
    stored = truth.read(truth.file(task, key), key)
    assert stored is not None
    assert len(stored.routes) == (3 if PROBLEMS[name].closed else 2)
    assert not stored.failed
    for quantity in ("forward", "gradient"):
        assert stored.agreement[quantity] < LIMITED.get(name, 1e-10)
    shapes = {f"gradient/{k}": v.shape for k, v in PROBLEMS[name].inputs.items()}
    shapes["prediction"] = PROBLEMS[name].weights.shape
    assert {k: v.shape for k, v in stored.arrays.items() if not k.startswith("agreement/")} == shapes


@pytest.mark.parametrize("name", ["a1", "e4", "b3"])
def test_stored_references_are_made_again(name, registry):
    """A closed form, one of two equations, and one without: all routes as they were."""
    task = registry.tasks[f"ivp/{name}"]
    key = truth.key(task, 0, {})
    stored = truth.read(truth.file(task, key), key)
    assert stored is not None
    assert truth.differing(stored, truth.make(task, key)) == {}


def test_stiff_collocation_agrees_with_the_stored_truth(registry):
    """Robertson's reaction, whose middle substance is of magnitude 1e-5."""
    ys, _ = jacobian(PROBLEMS["robertson"], solve(PROBLEMS["robertson"]))
    task = registry.tasks["ivp/robertson"]
    key = truth.key(task, 0, {})
    np.testing.assert_allclose(
        ys.astype(float), truth.read(truth.file(task, key), key).arrays["prediction"], rtol=1e-14
    )


@settings(max_examples=5, deadline=None)
@given(
    y0=st.floats(0.1, 3.0),
    t0=st.floats(-1.0, 1.0),
    span=st.floats(0.25, 6.0),
    rate=st.floats(-1.5, 1.5).filter(lambda r: abs(r) > 1e-3),
)
def test_collocation_and_closed_form_agree_on_the_logistic_curve(y0, t0, span, rate):
    """For any start, direction of growth and interval, forwards and backwards: states and every derivative."""
    problem = PROBLEMS["a4"]
    for ts in ((t0, t0 + span / 3, t0 + span), (t0, t0 - span / 3, t0 - span)):
        changed = replace(problem, y0=(y0,), ts=ts, params={"rate": rate, "capacity": 4.0})
        routes = _routes(changed)
        assert max(relative_errors(routes[1], routes[0]).values()) < 1e-13


def _routes(problem):
    from suites.ivp.truth import truth as routes

    return [route() for route in list(routes(problem, 0).values())[:2]]


def test_loss_scale_scales_gradients_alone(registry):
    """It is an option that the truth depends on, and its reference is another file."""
    task = registry.tasks["ivp/a1"]
    usual, scaled = truth.key(task, 0, {}), truth.key(task, 0, {"loss_scale": 0.25, "of no importance": 1})
    assert scaled.options == {"loss_scale": 0.25}
    assert usual.file_name == "a1.json" != scaled.file_name
    first, second = truth.make(task, usual).arrays, truth.make(task, scaled).arrays
    np.testing.assert_array_equal(first["prediction"], second["prediction"])
    np.testing.assert_allclose(second["gradient/ts"], first["gradient/ts"] / 4, rtol=1e-15)


def test_times_move_the_solution_as_the_formulas_say(registry):
    """dL/dt1 = w1·f(t1, y1), of an equation that depends on t, from what is stored."""
    problem = PROBLEMS["e1"]
    task = registry.tasks["ivp/e1"]
    arrays = json.loads(truth.file(task, truth.key(task, 0, {})).read_text())["arrays"]
    slope = problem.f(np.asarray(problem.ts[-1]), np.array(arrays["prediction"][-1]), problem.inputs, np)
    assert arrays["gradient/ts"][-1] == pytest.approx(problem.weights[-1] @ slope, rel=1e-13)

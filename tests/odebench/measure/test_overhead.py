"""Overhead is wall time over the cost of the dynamics alone: checked with a clock that says what it is told."""

import numpy as np
import pytest

from odebench.measure.overhead import overhead


@pytest.fixture
def session(make_session):
    """The decay with rk4 (one step of four evaluations here), on an adapter whose clock always says 2 seconds."""
    session = make_session(backend="toy/rk4/numeric")
    object.__setattr__(session.backend, "options", {"num_steps": 5})

    def elapsed(call):
        call()
        return 2.0

    def counted(f, counts):
        def counted(*args):
            counts.f += 1
            counts.vjp += 3
            return f(*args)

        return counted

    session.adapter.elapsed = elapsed
    session.adapter.counted = counted
    session.adapter.bare_cost = lambda f, t, y, params, seconds: (f(t, y, params).size * 0.01, 0.05)
    return session


def test_the_formula(session):
    """5 steps of 4, 1 + 2·4 solves (three states, a parameter): 180 of f, 540 VJPs; c_f = 0.03, c_fv - c_f = 0.02."""
    found = overhead(session, 0.1)
    nfe = 5 * 4 * (1 + 2 * (3 + 1))
    assert found["overhead"] == pytest.approx(2.0 / (nfe * 0.03 + 3 * nfe * 0.02))
    assert (found["solve_gradient_s"], found["bare_f_s"], found["bare_f_vjp_s"]) == (2.0, 0.03, 0.05)


def test_a_machine_that_is_slow_at_times(session):
    """Half as fast from one measurement to the next, at both ends: the round in the middle is of one speed."""
    speeds = iter([1.0, 0.5, 0.5, 0.5, 0.5, 1.0])  # of a gradient, then of what it is held against; three times
    speed = {"now": 1.0}

    def elapsed(call):
        call()
        return 2.0 / speed["now"]

    def bare_cost(f, t, y, params, seconds):
        now = next(speeds)
        speed["now"] = next(speeds, 1.0)
        return 0.03 / now, 0.05 / now

    speed["now"] = next(speeds)
    session.adapter.elapsed, session.adapter.bare_cost = elapsed, bare_cost
    nfe = 5 * 4 * (1 + 2 * (3 + 1))
    found = overhead(session, 0.1)
    assert found["overhead"] == pytest.approx(2.0 / (nfe * 0.03 + 3 * nfe * 0.02))
    assert found["solve_gradient_s"] == 4.0


def test_dynamics_without_parameters(session):
    """``f(t, y)`` is what a task may give where it leaves ``params`` out."""

    def loss(params, batch, odeint):
        return odeint(lambda t, y: -y, batch["y0"], np.array([0.0, 1.0])).sum()

    session.task.loss = loss
    nfe = 5 * 4 * (1 + 2 * 3)
    assert overhead(session, 0.1)["overhead"] == pytest.approx(2.0 / (nfe * 0.03 + 3 * nfe * 0.02))


def test_a_task_without_an_ode_has_none(make_session):
    """And one that is registered with an ODE but solves none is told so."""
    assert overhead(make_session("toy/line", "toy"), 0.1) == {}
    session = make_session()
    session.task.loss = lambda params, batch, odeint: 0.0
    with pytest.raises(TypeError, match="'toy/decay' is registered with ode=True but called no odeint"):
        overhead(session, 0.1)

"""The split of a gradient's time."""

import time

import numpy as np
import pytest

from odebench.adapter import Counts
from odebench.measure.overhead import Limit
from odebench.measure.profile import profile


def test_dynamics_that_take_their_time(make_session):
    """f sleeps: nearly all is dynamics. The toy library has no table, and all else is other; parts sum to 1."""
    session = make_session(backend="toy/rk4/numeric")
    object.__setattr__(session.backend, "options", {"num_steps": 2})

    def slow(t, y, params):
        time.sleep(5e-3)
        return -params["rate"] * y

    session.task.loss = lambda params, batch, odeint: odeint(slow, batch["y0"], np.array([0.0, 1.0]), params).sum()
    found = profile(session, 0.05)
    parts = {name: value for name, value in found.items() if name.startswith("part_")}
    assert len(parts) == 6
    assert sum(parts.values()) == pytest.approx(1.0)
    assert found["part_dynamics"] > 0.8
    assert found["part_other"] > 0
    assert {name for name, value in parts.items() if value == 0} == {
        "part_autograd", "part_stages", "part_norm", "part_control",
    }  # fmt: skip
    assert found["overhead"] > 0
    assert found["profile_slowdown"] > 0
    assert "host_syncs" not in found


def test_compiled_code_is_split_by_its_limit(make_session):
    """A gradient in which Python runs f but once: 10 evaluations of 0.03 s and 5 products of 0.04 s in a second; and
    one that is faster than that."""
    session = make_session()
    problem = f, y0, ts, params = session.problem(session.params)

    def split(wall):
        session.limit = Limit(problem, lambda: f(ts[0], y0, params), wall, Counts(f=10, vjp=5), 0.03, 0.07)
        return profile(session, 0.01)

    assert split(1.0) == {
        "overhead": pytest.approx(2.0), "solve_gradient_s": 1.0, "bare_f_s": 0.03, "bare_f_vjp_s": 0.07,
        "part_dynamics": pytest.approx(0.3), "part_autograd": pytest.approx(0.2), "part_other": pytest.approx(0.5),
    }  # fmt: skip
    assert split(0.25)["part_other"] == pytest.approx(-1.0)


def test_a_task_without_an_ode_has_none(make_session):
    assert profile(make_session("toy/line", "toy"), 0.1) == {}

"""A cell brought to life: its first gradient, and why it failed where it did."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from odebench.contract import SolveError, Unsupported
from odebench.errors import UserError
from odebench.measure import counting, peak
from odebench.measure.session import Diverged, Session
from odebench.registry import load_registry
from odebench.worker import classify


def test_first_call(make_session):
    """Time, loss and parameters of the first gradient: (e^-1 - e^-2)² · mean(y0²)/2, with y0 = (1, 2, -1)."""
    found = make_session().first_call()
    assert found["loss"] == pytest.approx((np.exp(-1) - np.exp(-2)) ** 2, rel=1e-5)
    assert found["parameters"] == 1
    assert found["first_call_s"] > 0


def test_a_loss_that_is_not_finite_is_explained(make_session):
    """By the solver's own words where it raises, by the loss where it does not."""
    with pytest.raises(Diverged, match="the loss is nan"):
        make_session(backend="faulty/is_nan/numeric").first_call()
    session = make_session()
    session.params = {"rate": np.array([np.nan])}
    with pytest.raises(SolveError, match=r"non_finite|max_steps"):
        session.first_call()
    assert session.diagnose(float("nan")).startswith(("non_finite", "max_steps"))
    assert make_session("toy/line", "toy").diagnose(float("inf")) == "the loss is inf"


def test_a_gradient_that_is_not_finite(make_session):
    """It is no result, however finite the loss: the parameter is named."""
    session = make_session()
    session.value_and_grad = lambda params, batch: (np.array(1.0), {"rate": np.array([np.nan])})
    with pytest.raises(Diverged, match="the gradient of rate is not finite"):
        session.first_call()


def test_a_task_without_an_ode_that_calls_one(make_session):
    """It is registered wrongly, and told so; it has nothing to count."""
    session = make_session("toy/line", "toy")
    with pytest.raises(TypeError, match="registered with ode=False called odeint"):
        session.odeint(None, None, None)
    assert counting.count(session) == {"nfe_forward": 0, "nfe_backward": 0, "vjps": 0}


def test_counts_are_the_harness_own(make_session):
    """What the solver claims stands beside them: dopri5 here takes 7 evaluations an attempt."""
    session = make_session(backend="toy/rk4/numeric")
    object.__setattr__(session.backend, "options", {"num_steps": 5})
    assert counting.count(session) == {
        "nfe_forward": 20,
        "nfe_backward": 40,  # two more solves for a central difference
        "solved_size": 3,
        "products_forward": 0,
        "vjps": 0,
        "jvps": 0,
        "claimed_nfe": 20,
        "accepted": 5,
        "rejected": 0,
    }
    found = counting.count(make_session())
    assert found["nfe_forward"] == found["claimed_nfe"] == 7 * (found["accepted"] + found["rejected"])
    assert found["accepted"] > 1


def claiming(session, **told):
    """The session, its solver's statistics replaced."""
    solve = session.backend._solve

    def claims(*args, **options):
        ys, stats = solve(*args, **options)
        return ys, stats._replace(**told)

    vars(session.backend)["_solve"] = claims
    return session


def test_what_was_not_told_is_not_recorded(make_session):
    """A count of −1 is none, and the others stand."""
    found = counting.count(claiming(make_session(), nfe=-1, rejected=-1))
    assert not found.keys() & {"claimed_nfe", "rejected"}
    assert found["accepted"] > 1


def test_a_solved_size_that_was_not_seen_is_not_recorded(make_session):
    """A peer that asks for y alone may solve for more behind its own doors."""
    session = make_session()
    session.cell = replace(session.cell, library="peer")
    assert "solved_size" not in counting.count(session)
    own = session.backend.watched

    def larger(watch):
        watch(np.zeros(7))
        return own(watch)

    object.__setattr__(session.backend, "watched", larger)
    assert counting.count(session)["solved_size"] == 7


def test_a_solve_that_ends_before_its_last_time(make_session):
    """Where the tableau evaluates f at the end of each step, f was called at the last time, or the solver lies."""
    session = make_session()
    session.adapter.counted = listening(session.adapter.counted)
    assert counting.count(session)["nfe_forward"] > 0
    solve = session.backend._solve
    vars(session.backend)["_solve"] = lambda f, y0, ts, params, **options: solve(
        f, y0, ts[0] + 0.9 * (ts - ts[0]), params, **options
    )
    with pytest.raises(Diverged, match="ended before its last time: at t="):
        counting.count(session)


def can_reset_the_mark():
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


@pytest.mark.skipif(not can_reset_the_mark(), reason="the kernel's high-water mark cannot be reset here")
def test_peak_growth_sees_what_a_gradient_allocates(make_session):
    """A loss that touches 64 MiB raises the peak by about as much, though it frees them before it ends."""
    session = make_session("toy/line", "toy")
    np.ones(2**24).sum()  # an older and higher peak, which does not count
    before = peak.peak_growth(session)["peak_growth_bytes"]
    session.adapter.value_and_grad = lambda loss: lambda params, batch: np.ones(2**23).sum()
    del session.__dict__["value_and_grad"]
    grown = peak.peak_growth(session)["peak_growth_bytes"]
    assert before < 2**24
    assert 0.9 * 2**26 < grown < 1.5 * 2**26


def test_an_option_that_the_task_does_not_have(make_session):
    """Bad input, told with the nearest valid name."""
    with pytest.raises(UserError, match=r"has no option 'stepz'; did you mean 'steps'\?"):
        make_session(stepz=2)


OVERSHOOTS = """
import numpy as np
import odebench

def overshoots(f, y0, ts, params=None, **options):
    step = ts[-1] - ts[0]
    y1 = y0 + step * f(ts[-1] + BEYOND * step, y0, params)
    return np.stack([y0, y1]), odebench.Stats(nfe=1, accepted=1, rejected=0, status=odebench.Status.ok, next_step=0.0)

def bind(solve, options):
    def odeint(f, y0, ts, params=None):
        f(ts[-1] + LATE, y0, params)
        return solve(f, y0, ts, params, **options)[0]
    return odeint

@odebench.hookimpl
def odebench_register_solvers(register):
    register(odebench.Solver(name="overshoots", library="past", framework="toy", code=f"{__name__}:overshoots"))

@odebench.hookimpl
def odebench_register_gradients(register):
    register(odebench.GradientMethod(name="numeric", library="past", framework="toy", code=f"{__name__}:bind"))
"""


def listening(counted):
    """The toy's adapter does not note t; let it."""

    def noting(f, counts):
        def called(t, *args):
            counts.earliest, counts.latest = min(counts.earliest, t), max(counts.latest, t)
            return f(t, *args)

        return counted(called, counts)

    return noting


@pytest.mark.parametrize(
    ("beyond", "late", "past_end"), [(0, 0, 0), (-1, -0.5, 0), (0.25, 0, 0.25), (-1.5, 0, 0.5), (0, 0.75, 0.75)]
)
def test_how_far_beyond_its_times_f_was_called(make_cells, plugins, tmp_path, beyond, late, past_end):
    """As a part of their span, on either side, by the solver or by what its gradient method asks for; 0 within."""
    file = tmp_path / "overshoots.py"
    file.write_text(OVERSHOOTS.replace("BEYOND", str(beyond)).replace("LATE", str(late)))
    registry = load_registry([*plugins, str(file)], strict=True)
    (cell,) = make_cells({"backends": ["past/overshoots/numeric"]}, registry=registry)
    session = Session(cell, registry)
    session.adapter.counted = listening(session.adapter.counted)
    assert counting.count(session)["past_end"] == past_end


def test_options_of_the_backend_reach_it(make_cells, registry):
    """Beside the tolerance: with an attempt less than it takes, the solver gives up."""
    attempts = counting.count(Session(make_cells()[0], registry))["accepted"]
    enough, less = make_cells({"solve": {"max_steps": [attempts + 1, attempts - 1]}})
    assert counting.count(Session(enough, registry))["accepted"] == attempts
    with pytest.raises(SolveError, match="max_steps"):
        Session(less, registry).first_call()


def test_an_option_that_the_backend_does_not_have(make_cells, registry):
    """The cell is skipped, and its reason names the nearest that there is: its rivals may well have it."""
    (cell,) = make_cells({"solve": {"first_steps": 0.1}})
    with pytest.raises(Unsupported) as error:
        Session(cell, registry).first_call()
    status, reason = classify(error.value)
    assert status == "skipped"
    assert reason.startswith("toy/dopri5/numeric has no option 'first_steps'; did you mean 'first_step'? valid: ")

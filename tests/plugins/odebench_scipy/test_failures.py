"""What SciPy's solvers do with problems they cannot solve and arguments that make no sense: say so, once."""

from __future__ import annotations

from typing import Any

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
import scipy
from packaging.version import Version

from odebench import SolveError, Status, Unsupported
from odebench_scipy.solve import ScipySolve

ONE = np.ones(1)
UNIT = np.array([0.0, 1.0])


def decay(t: Any, y: Any) -> Any:
    return -y


def restless(t: Any, y: Any) -> Any:
    return np.cos(500 * t) * y


def failure(solve: ScipySolve, f: Any, ts: Any, **options: Any) -> SolveError:
    with pytest.raises(SolveError) as raised:
        solve(f, ONE, ts, **options)
    return raised.value


@pytest.fixture(autouse=True)
def nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> Any:
    """Neither by Python nor, since it is no longer Fortran, by SciPy; warnings are errors anyway."""
    yield
    if Version(scipy.__version__) >= Version("1.17"):
        assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("ts", [UNIT, np.linspace(0, 1, 4), -UNIT])
def test_max_steps(solve: ScipySolve, ts: Any) -> None:
    """Bounds the steps, in the first interval."""
    calls = 0

    def f(t: Any, y: Any) -> Any:
        nonlocal calls
        calls += 1
        return restless(t, y)

    error = failure(solve, f, ts, max_steps=5)
    assert error.status == Status.max_steps
    assert abs(error.t) < 0.1
    assert calls <= 80


def test_max_steps_bounds_all_intervals_together(solve: ScipySolve) -> None:
    """Where each takes fewer."""
    ts = np.linspace(0, 1, 9)
    _, stats = solve(restless, ONE, ts)
    assert failure(solve, restless, ts, max_steps=stats.accepted // 2).status == Status.max_steps


def test_a_singularity(solve: ScipySolve) -> None:
    """y' = y² from 1 blows up at t = 1: the step underflows there, or y overflows."""
    error = failure(solve, lambda t, y: y * y, 2 * UNIT)
    assert error.status in (Status.underflow, Status.non_finite)
    assert error.t == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_non_finite(solve: ScipySolve, bad: float) -> None:
    """From the start, or from some time on: near which it is reported, after no more than a few more calls."""
    error = failure(solve, lambda t, y: y * bad, UNIT)
    assert (error.status, error.t) == (Status.non_finite, 0.0)
    error = failure(solve, lambda t, y: -y if t < 0.5 else y * bad, UNIT)
    assert error.status == Status.non_finite
    assert error.t == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("name", ["rk45", "dop853", "radau"])
def test_a_non_finite_trial_is_a_rejection(solvers: dict[str, ScipySolve], name: str) -> None:
    """For the methods that can take it back: BDF cannot, once its Jacobian is at such a place."""
    ys, _ = solvers[name](lambda t, y: np.where(y > 0, -y, np.nan), ONE, 8 * UNIT, first_step=8.0)
    assert ys[-1] == pytest.approx(np.exp(-8.0), abs=1e-5)


@pytest.mark.parametrize("name", ["lsoda", "vode_adams", "vode_bdf"])
def test_more_accuracy_than_there_is(solvers: dict[str, ScipySolve], name: str) -> None:
    """A step within such tolerances is below the resolution."""
    assert failure(solvers[name], decay, UNIT, rtol=1e-17, atol=1e-300).status == Status.underflow


@pytest.mark.parametrize("name", ["vode_adams", "vode_bdf"])
def test_min_step(solvers: dict[str, ScipySolve], name: str) -> None:
    """VODE's own: to need less is an underflow."""
    assert failure(solvers[name], restless, UNIT, min_step=0.05).status == Status.underflow


@pytest.mark.parametrize("option", [{"step": 0.1}, {"num_steps": 3}, {"norm": np.max}])
def test_what_a_solver_has_not(solve: ScipySolve, option: dict[str, Any]) -> None:
    """Is refused by the solver's name and the option's, not left out."""
    with pytest.raises(Unsupported, match=rf"scipy/{solve.name} has no option '{next(iter(option))}'"):
        solve(decay, ONE, UNIT, **option)


@pytest.mark.parametrize("name", ["lsoda", "rk45", "dop853", "radau", "bdf"])
def test_who_has_no_min_step(solvers: dict[str, ScipySolve], name: str) -> None:
    """All but VODE: of odeint's own, SciPy 1.17 takes no notice."""
    with pytest.raises(Unsupported, match=f"scipy/{name} has no option 'min_step'"):
        solvers[name](decay, ONE, UNIT, min_step=1e-3)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"rtol": -1.0}, "rtol"),
        ({"atol": float("nan")}, "atol"),
        ({"rtol": 0.0, "atol": 0.0}, "rtol and atol"),
        ({"max_steps": 0}, "max_steps"),
        ({"first_step": -0.1}, "first_step"),
    ],
)
def test_options_that_make_no_sense(solve: ScipySolve, options: dict[str, Any], word: str) -> None:
    """The message names the option."""
    with pytest.raises(ValueError, match=word):
        solve(decay, ONE, UNIT, **options)


@pytest.mark.parametrize(("ts", "index"), [([0.0, 1.0, 1.0], 2), ([0.0, 2.0, 1.0, 3.0], 2), ([1.0, 1.0], 1)])
def test_times_must_be_strictly_monotone(solve: ScipySolve, ts: list[float], index: int) -> None:
    """The message says where they are not."""
    with pytest.raises(ValueError, match=rf"ts\[{index}\]"):
        solve(decay, ONE, np.array(ts))


@pytest.mark.parametrize("ts", [np.zeros(0), np.zeros((2, 2)), np.array(1.0)])
def test_times_must_be_a_vector(solve: ScipySolve, ts: Any) -> None:
    """No times, or a matrix of them, are refused."""
    with pytest.raises(ValueError, match="vector"):
        solve(decay, ONE, ts)


@pytest.mark.parametrize(
    "y0", [np.ones(2, dtype=int), np.ones(2, complex), np.ones(2, np.float16), (), (1.0,), np.ones(0)]
)
def test_states_must_be_real_arrays(solve: ScipySolve, y0: Any) -> None:
    """Integers, complex numbers, half precision, no array at all: a TypeError that names y0."""
    with pytest.raises(TypeError, match="y0"):
        solve(decay, y0, UNIT)


def test_leaves_must_be_alike(solve: ScipySolve) -> None:
    """A state of two dtypes is refused."""
    with pytest.raises(TypeError, match="float32"):
        solve(decay, (ONE, ONE.astype(np.float32)), UNIT)


@pytest.mark.parametrize(
    ("f", "kind", "words"),
    [
        (lambda t, y: np.concatenate([y, y]), ValueError, r"got \(2,\), expected \(1,\)"),
        (lambda t, y: y.sum(), ValueError, r"got \(\), expected \(1,\)"),
        (lambda t, y: y.astype(np.float32), TypeError, "got float32, expected float64"),
        (lambda t, y: y * 1j, TypeError, "got complex128, expected float64"),
        (lambda t, y: (y,), ValueError, "structure"),
        (lambda t, y: 1.0, TypeError, "float"),
    ],
)
def test_derivative_must_be_like_the_state(solve: ScipySolve, f: Any, kind: type[Exception], words: str) -> None:
    """A dy/dt of another shape, dtype or structure is refused, not broadcast or cast."""
    with pytest.raises(kind, match=words):
        solve(f, ONE, UNIT)


@pytest.mark.parametrize("late", [False, True])
def test_an_exception_of_f_comes_through(solve: ScipySolve, late: bool) -> None:
    """As it is, and f is not called again."""
    calls = []

    def f(t: Any, y: Any) -> Any:
        if not late or t > 0.5:
            calls.append(t)
            raise KeyError("mine")
        return -y

    with pytest.raises(KeyError, match="mine"):
        solve(f, ONE, UNIT)
    assert len(calls) == 1
    np.testing.assert_allclose(solve(decay, ONE, UNIT)[0][-1], np.exp(-1), rtol=1e-5)


def test_what_is_differentiated_is_refused(solve: ScipySolve) -> None:
    """A bare solver has no gradient, and says so, instead of giving zero."""
    for what, run in {
        "y0 is being differentiated": lambda x: solve(decay, x, UNIT)[0],
        "ts is being differentiated": lambda x: solve(decay, ONE, anp.array([0.0, 1.0]) * x)[0],
        "not among its parameters": lambda x: solve(lambda t, y: -y * x, ONE, UNIT)[0],
    }.items():
        with pytest.raises((TypeError, RuntimeError), match=what):
            autograd.grad(lambda x, run=run: anp.sum(run(x)))(ONE)

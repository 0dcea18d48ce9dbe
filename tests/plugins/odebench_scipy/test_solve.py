"""SciPy's solvers behind the one contract: right, in every shape, and with counts that are true."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.integrate import odeint, solve_ivp

import odebench
from odebench import backends
from odebench.adapter import Counts
from odebench_numpy.adapter import NumpyAdapter
from odebench_scipy.solve import ScipySolve

Y0 = np.array([1.0, -2.0])
K = {"k": np.array([0.5, 1.5])}
PENDULUM = {"b": np.array(0.25), "c": np.array(5.0)}


def swing(t: Any, y: Any, p: Any) -> Any:
    """``y = y0 exp(k (sin t - sin t0))``."""
    return p["k"] * np.cos(t) * y


def swung(ts: Any) -> Any:
    return Y0 * np.exp(K["k"] * (np.sin(ts) - np.sin(ts[0]))[:, None])


def pendulum(t: Any, y: Any, p: Any) -> Any:
    return np.array([y[1], -p["b"] * y[1] - p["c"] * np.sin(y[0])])


def counted(f: Any) -> tuple[Any, Counts]:
    counts = Counts()
    return NumpyAdapter("cpu", "float64").counted(f, counts), counts


def test_every_registered_solver_is_one_of_these(solvers: dict[str, ScipySolve]) -> None:
    """By its name, with what it cannot set alike said, and a gradient by autograd."""
    registry = backends.default_registry()
    found = {s.name: s for s in backends.solvers(registry) if s.library == "scipy"}
    assert set(found) == set(solvers)
    for name, info in found.items():
        assert (info.framework, info.adaptive, info.missing) == ("numpy", True, ())
        assert backends.load_solve(registry, info) is solvers[name]
        assert "float64" in info.unlike
        assert odebench.backend(f"scipy/{name}/autograd").info.framework == "numpy"


@pytest.mark.parametrize("ts", [np.linspace(0.3, 4.0, 9), np.linspace(2.0, -1.5, 4), np.array([0.0, 3.0])])
def test_a_closed_form(solve: ScipySolve, ts: np.ndarray) -> None:
    """Forwards and backwards in time, at the end and between; y0 is the first output, to the bit."""
    ys, stats = solve(swing, Y0, ts, K, rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(ys, swung(ts), rtol=3e-7)
    assert (ys.shape, ys.dtype, stats.status) == ((len(ts), 2), np.float64, odebench.Status.ok)
    assert (ys[0] == Y0).all()


def test_the_seeds_pendulum(solve: ScipySolve) -> None:
    """Damped, from upright, over ten seconds: the values at 5 and 10 that the seeds' ``odeint`` has."""
    ts = np.linspace(0, 10, 101)
    ys, _ = solve(pendulum, np.array([np.pi - 0.1, 0.0]), ts, PENDULUM, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(ys[50], [1.16605169, -1.64376051], atol=1e-6)
    np.testing.assert_allclose(ys[-1], [0.02001153, 1.56781826], atol=1e-6)


def test_the_seeds_call_to_odeint(solvers: dict[str, ScipySolve]) -> None:
    """With odeint's default tolerances, its result to the bit and its 561 evaluations."""
    y0, ts, default = np.array([np.pi - 0.1, 0.0]), np.linspace(0, 10, 101), 1.49012e-8
    f, counts = counted(pendulum)
    ys, stats = solvers["lsoda"](f, y0, ts, PENDULUM, rtol=default, atol=default)
    theirs = odeint(lambda y, t: pendulum(t, y, PENDULUM), y0, ts, rtol=default, atol=default)
    assert (ys == theirs).all()
    assert stats.nfe == counts.f == 561
    assert np.abs(ys[-1] - [0.02001153, 1.56781826]).max() < 5e-7


@pytest.mark.parametrize("name", ["rk45", "dop853", "radau", "bdf"])
def test_the_methods_of_solve_ivp_do_what_it_does(solvers: dict[str, ScipySolve], name: str) -> None:
    """The same end to the bit, and as many evaluations and steps."""
    f, counts = counted(swing)
    ys, stats = solvers[name](f, Y0, np.array([0.0, 3.0]), K, rtol=1e-5, atol=1e-7)
    theirs = solve_ivp(lambda t, y: swing(t, y, K), (0.0, 3.0), Y0, method=name.upper().replace("RADAU", "Radau"),
                       rtol=1e-5, atol=1e-7)  # fmt: skip
    assert (ys[-1] == theirs.y[:, -1]).all()
    assert stats.accepted == len(theirs.t) - 1
    assert counts.f == stats.nfe
    if name in ("rk45", "dop853"):
        assert stats.nfe == theirs.nfev
    else:
        assert stats.nfe >= theirs.nfev + 2 * theirs.njev  # nfev leaves out the Jacobian's differences


def stiff(t: Any, y: Any) -> Any:
    return -1e4 * (y - np.cos(t))


def test_what_it_claims_is_what_is_counted(solve: ScipySolve) -> None:
    """Without rejections, with them, stiff so that there are Jacobians, and with outputs between the steps."""
    for f, ts, options in (
        (lambda t, y: -y, np.linspace(0, 1, 3), {}),
        (lambda t, y: -y, np.linspace(1, 0, 30), {"first_step": 0.5, "rtol": 1e-4}),
        (lambda t, y: np.cos(50 * t) * y * y / 3, np.array([0.0, 1.0]), {"rtol": 1e-4}),
        (stiff, np.array([0.0, 0.1]), {"rtol": 1e-4, "atol": 1e-4}),
    ):
        watched, counts = counted(f)
        _, stats = solve(watched, np.ones(3), ts, **options)
        assert stats.nfe == counts.f > 0
        assert stats.accepted > 0


@pytest.mark.parametrize(("name", "stages", "extra"), [("rk45", 6, 2), ("dop853", 12, 2)])
def test_explicit_steps_are_told(solvers: dict[str, ScipySolve], name: str, stages: int, extra: int) -> None:
    """Evaluations are those of all attempts, and two to begin with."""
    _, stats = solvers[name](lambda t, y: np.cos(50 * t) * y, np.ones(1), np.array([0.0, 1.0]), rtol=1e-5)
    assert stats.rejected > 0
    assert stats.nfe == extra + stages * (stats.accepted + stats.rejected)


@pytest.mark.parametrize("name", ["vode_adams", "vode_bdf"])
def test_rejected_steps_of_vode_are_told(solvers: dict[str, ScipySolve], name: str) -> None:
    """A first step that is far too large is not accepted."""
    _, stats = solvers[name](lambda t, y: -5 * y, np.ones(1), np.array([0.0, 1.0]), first_step=0.5, rtol=1e-6)
    assert stats.rejected > 0


@pytest.mark.parametrize("name", ["lsoda", "radau", "bdf"])
def test_what_the_library_does_not_tell_is_not_made_up(solvers: dict[str, ScipySolve], name: str) -> None:
    """Rejected steps are −1, and so in no record, where 0 would say that there were none."""
    _, stats = solvers[name](lambda t, y: -5 * y, np.ones(1), np.array([0.0, 1.0]), first_step=0.5, rtol=1e-6)
    assert stats.rejected == -1
    assert stats.accepted > 0


@pytest.mark.parametrize("name", ["lsoda", "vode_bdf", "radau", "bdf"])
def test_stiff_problems_are_finished(solvers: dict[str, ScipySolve], name: str) -> None:
    """With a fraction of the evaluations that an explicit method takes."""
    ts = np.array([0.0, 3.0])
    ys, stats = solvers[name](stiff, np.ones(1), ts, rtol=1e-6, atol=1e-6)
    a = 1e4  # y = (a² cos t + a sin t) / (a² + 1) + a transient that is long gone
    assert ys[-1] == pytest.approx((a * a * np.cos(3.0) + a * np.sin(3.0)) / (a * a + 1), abs=1e-5)
    assert stats.nfe < 1000


def test_robertsons_kinetics(solvers: dict[str, ScipySolve]) -> None:
    """The stiff solvers that are sound in every SciPy, against each other; their sum is conserved."""

    def f(t: Any, y: Any) -> Any:
        slow, mid, fast = 0.04 * y[0], 1e4 * y[1] * y[2], 3e7 * y[1] ** 2
        return np.array([mid - slow, slow - mid - fast, fast])

    ends = [
        solvers[name](f, np.array([1.0, 0.0, 0.0]), np.array([0.0, 40.0, 4000.0]), rtol=1e-8, atol=1e-11)[0][1:]
        for name in ("lsoda", "radau", "bdf")
    ]
    np.testing.assert_allclose(ends[0], ends[1], rtol=1e-5)
    np.testing.assert_allclose(ends[2], ends[1], rtol=1e-5)
    np.testing.assert_allclose(ends[1][0], [0.7158270688, 9.185533e-06, 0.2841637458], rtol=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_trees_and_scalars_in_their_own_dtype(solve: ScipySolve, dtype: Any) -> None:
    """f sees y0's structure and dtype, t too; so do the outputs."""
    seen = set()

    def f(t: Any, y: Any) -> Any:
        seen.update({t.dtype, y["a"][0].dtype, y["b"].dtype})
        return {"a": (-y["a"][0], y["b"] * 0), "b": y["b"] * 0 + dtype(2)}

    y0 = {"a": (np.ones((2, 3), dtype), dtype(1)), "b": np.array(3, dtype)}
    ts = np.linspace(0, 1, 5).astype(dtype)
    ys, _ = solve(f, y0, ts, rtol=1e-6, atol=1e-6)
    assert seen == {np.dtype(dtype)}
    assert {leaf.dtype for leaf in (*ys["a"], ys["b"])} == {np.dtype(dtype)}
    np.testing.assert_allclose(ys["a"][0], np.exp(-ts)[:, None, None] * np.ones((2, 3)), rtol=1e-4)
    np.testing.assert_allclose(ys["b"], 3 + 2 * ts, rtol=1e-4)
    assert ys["a"][1].tolist() == [1] * 5


def test_a_single_time(solve: ScipySolve) -> None:
    """Is y0, and f is not called."""
    f, counts = counted(swing)
    ys, stats = solve(f, Y0, np.array([2.0]), K)
    assert ys.tolist() == [Y0.tolist()]
    assert (counts.f, stats.nfe) == (0, 0)


def test_it_is_deterministic_and_leaves_its_arguments(solve: ScipySolve) -> None:
    """Twice the same, to the bit; f may keep and change the y that it is given."""
    y0, ts, kept = Y0.copy(), np.linspace(0, 1, 4), []

    def f(t: Any, y: Any) -> Any:
        kept.append(y)
        dy = -y
        y *= 0
        return dy

    first, second = (solve(f, y0, ts)[0] for _ in range(2))
    assert (first == second).all()
    np.testing.assert_allclose(first[-1], Y0 * np.exp(-1), rtol=1e-5)
    assert (y0 == Y0).all()
    assert len({id(y) for y in kept}) == len(kept)


def test_tighter_is_nearer(solve: ScipySolve) -> None:
    """The error falls with the tolerance, and costs evaluations."""
    ts = np.array([0.0, 3.0])
    solved = [solve(swing, Y0, ts, K, rtol=tol, atol=tol) for tol in (1e-3, 1e-5, 1e-8)]
    errors = [np.abs(ys - swung(ts)).max() for ys, _ in solved]
    assert errors[0] > 3 * errors[1] > 9 * errors[2]
    assert solved[0][1].nfe < solved[1][1].nfe < solved[2][1].nfe


def test_first_step(solve: ScipySolve) -> None:
    """Is where f is called first beside t0, or within it; in both directions."""
    for direction in (1.0, -1.0):
        times: list[float] = []

        def f(t: Any, y: Any, times: list[float] = times) -> Any:
            times.append(float(t))
            return -y

        solve(f, Y0, direction * np.array([0.0, 1.0]), first_step=1e-6)
        first = next(t for t in times if t != 0)
        assert 0 < direction * first <= 1e-6 * (1 + 1e-9)


def test_a_component_that_is_zero_without_atol(solve: ScipySolve) -> None:
    """With atol = 0 it stays what it is, and one that leaves 0 is no failure."""
    y0 = np.array([0.0, 1.0])
    ys, _ = solve(lambda t, y: -y, y0, np.array([0.0, 1.0]), rtol=1e-4, atol=0.0)
    np.testing.assert_allclose(ys[-1], y0 * np.exp(-1), rtol=1e-3)
    ys, _ = solve(lambda t, y: np.ones_like(y), y0, np.array([0.0, 1.0]), rtol=1e-4, atol=0.0)
    np.testing.assert_allclose(ys[-1], y0 + 1, rtol=1e-3)

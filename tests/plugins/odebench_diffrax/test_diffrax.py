"""diffrax held to the contract: values, gradients, options, failures, bad input."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import odebench
from odebench import SolveError, Status, Unsupported
from odebench_diffrax import EXPLICIT, FIXED, IMPLICIT, REVERSIBLE

TS = np.array([0.3, 1.1, 1.9])
Y0 = np.array([1.0, 2.0])
P = {"a": np.float64(0.7), "unused": np.ones(1)}
W = np.arange(1.0, 7.0).reshape(3, 2)


@pytest.fixture(autouse=True)
def _double():
    """float64, and little of the time that XLA takes to optimise what runs once."""
    before = jax.config.values["jax_disable_most_optimizations"]
    jax.config.update("jax_disable_most_optimizations", True)
    with jax.enable_x64(True):
        yield
    jax.config.update("jax_disable_most_optimizations", before)


def f(t, y, p):
    """y = y0 exp(a (cos t - cos t0)), which is not even in t."""
    return -p["a"] * jnp.sin(t) * y


def exact(y0, p, ts):
    return y0 * jnp.exp(p["a"] * (jnp.cos(ts) - jnp.cos(ts[0])))[:, None]


def solve(solver, *args, **given):
    return odebench.backend(f"diffrax/{solver}/recursive_checkpoint", **given).solve(*args)


def counted(g):
    """g, and a list of the times that it is called at."""
    times = []

    def h(t, y, *p):
        jax.debug.callback(lambda t: times.append(float(t)), t)
        return g(t, y, *p)

    return h, times


@pytest.mark.parametrize("solver", ["euler", "tsit5", "reversible_heun", "leapfrog_midpoint"])
def test_fixed_steps(solver):
    """Equal steps, by a method of each kind, against the closed form; nfe is what was evaluated."""
    g, times = counted(f)
    ys, stats = solve(solver, g, Y0, TS, P, num_steps=40)
    jax.effects_barrier()
    np.testing.assert_allclose(ys, exact(Y0, P, TS), rtol=4e-2 if solver == "euler" else 2e-3)
    np.testing.assert_array_equal(ys[0], Y0)
    assert (stats.accepted, stats.rejected, stats.nfe) == (40, 0, len(times))


@pytest.mark.parametrize("solver", ["dopri5", "kvaerno3"])
def test_adaptive_steps_back_in_time(solver):
    """Against the closed form, descending, in float64 and for a tree."""

    def g(t, y, p):
        return {name: f(t, leaf, p) for name, leaf in y.items()}

    y0 = {"x": Y0, "v": np.ones((1, 3))}
    ys, stats = solve(solver, g, y0, TS[::-1], P, rtol=1e-7, atol=1e-9, first_step=0.05)
    expected = exact(Y0, P, TS[::-1])
    np.testing.assert_allclose(ys["x"], expected, rtol=1e-5)
    np.testing.assert_allclose(ys["v"][:, 0], np.broadcast_to(expected[:, :1], (3, 3)), rtol=1e-5)
    assert ys["v"].shape == (3, 1, 3)
    assert stats.accepted > 3
    assert (stats.nfe == -1) == (solver in IMPLICIT)


STEPS = {"num_steps": 200, "max_steps": 256}
REVERSE = [
    ("heun", "recursive_checkpoint", STEPS, (0, 1, 2)),
    ("heun", "direct", STEPS, (0, 1, 2)),
    ("heun", "forward", STEPS, (0, 1, 2)),
    ("heun", "backsolve", STEPS, (0, 1)),
    ("heun", "backsolve_seminorm", {"rtol": 1e-5, "atol": 1e-7}, (0, 1)),
]


@pytest.mark.parametrize(
    ("solver", "gradient", "given", "argnums"), REVERSE, ids=lambda x: x if isinstance(x, str) else ""
)
def test_gradients(solver, gradient, given, argnums):
    """Of y0, params and, but for backsolve, ts: the closed form's; of a parameter that f never uses: zero."""
    odeint = odebench.backend(f"diffrax/{solver}/{gradient}", **given).odeint
    found = jax.jit(jax.grad(lambda y0, p, ts: (W * odeint(f, y0, ts, p)).sum(), argnums))(Y0, P, TS)
    expected = jax.grad(lambda *args: (W * exact(*args)).sum(), argnums)(Y0, P, TS)
    for x, y in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(x, y, rtol=2e-3, atol=2e-3)
    np.testing.assert_array_equal(found[1]["unused"], 0.0)


def test_backsolve_refuses_what_it_cannot_differentiate():
    """Times are an error, not a silent zero; so is one step an interval, which its backward solves cannot take."""
    odeint = odebench.backend("diffrax/dopri5/backsolve").odeint
    with pytest.raises(Unsupported, match="times"):
        jax.grad(lambda ts: odeint(f, jnp.asarray(Y0), ts, P).sum())(TS)
    with pytest.raises(Unsupported, match="num_steps"):
        odebench.backend("diffrax/euler/backsolve").odeint(f, Y0, TS, P)


def test_first_step():
    """dt0, in the direction of time, and t in y's type."""
    g, times = counted(lambda t, y: -y)
    solve("dopri5", g, np.ones(1), np.array([0.0, -1.0]), first_step=0.125)
    jax.effects_barrier()
    assert sorted(times, reverse=True)[1] == pytest.approx(-0.025)


def wall(t, y):
    return jnp.where(t > 0.5, jnp.nan, -y)


FAILURES = [
    ("dopri5", lambda t, y: -1000 * y, {"max_steps": 5}, Status.max_steps),
    ("euler", lambda t, y: -y, {"num_steps": 50, "max_steps": 20}, Status.max_steps),
    ("dopri5", wall, {"min_step": 1e-6}, Status.underflow),
    ("euler", wall, {"num_steps": 10}, Status.non_finite),
]


@pytest.mark.parametrize(("solver", "g", "given", "status"), FAILURES)
def test_failures(solver, g, given, status):
    """Compiled, NaN beyond what was reached and the status; eagerly, SolveError."""
    ts = np.array([0.0, 0.001, 2.0])
    ys, stats = jax.jit(lambda y: solve(solver, g, y, ts, **given))(np.ones(1))
    assert stats.status == status
    assert np.isnan(ys[-1])
    np.testing.assert_array_equal(ys[0], 1.0)


def test_a_failure_raises():
    """Outside compiled code."""
    with pytest.raises(SolveError) as caught:
        solve("dopri5", wall, np.ones(1), np.array([0.0, 1.0]), min_step=1e-6)
    assert caught.value.status == Status.underflow


@pytest.mark.parametrize(
    ("y0", "ts", "g", "given", "error"),
    [
        (np.ones(1, int), TS, lambda t, y: y, {}, TypeError),
        (np.ones(1, complex), TS, lambda t, y: y, {}, TypeError),
        (np.ones(1), np.array([0.0, 1.0, 1.0]), lambda t, y: y, {}, ValueError),
        (np.ones(1), np.array([0.0, np.inf]), lambda t, y: y, {}, ValueError),
        (np.ones(2), TS, lambda t, y: y.astype(np.float32), {}, TypeError),
        (np.ones(2), TS, lambda t, y: y[:1], {}, TypeError),
        (np.ones(2), TS, lambda t, y: y, {"rtol": 0.0, "atol": 0.0}, ValueError),
        (np.ones(2), TS, lambda t, y: y, {"step": 0.1, "num_steps": 2}, ValueError),
    ],
)
def test_bad_input(y0, ts, g, given, error):
    """Refused in the words of the solvers of jax, before diffrax sees it."""
    with pytest.raises(error):
        solve("dopri5", g, y0, ts, **given)


def test_registered_implicit_methods_are_implicit():
    """What is listed as implicit is what diffrax solves an equation for."""
    import diffrax

    from odebench_diffrax import solver

    for name in [*EXPLICIT, *REVERSIBLE, *FIXED, *IMPLICIT]:
        method = getattr(solver, name.upper())
        assert issubclass(method.make, diffrax.AbstractImplicitSolver) == (name in IMPLICIT) == method.implicit
        assert method.adaptive == (name not in FIXED)

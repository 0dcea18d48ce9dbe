"""Adams methods in JAX: their weights, orders, order control, gradients and failures."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from odebench.adapter import Counts
from odebench.backends import default_registry, find_backend, load_solve
from odebench.contract import Status
from odebench_jax.adapter import JaxAdapter
from odebench_jax.runge_kutta import RungeKutta
from odebench_jax_adams.history import History, between, differences, integrals
from odebench_jax_adams.solvers import adams, adams_bashforth2, adams_bashforth4, adams_moulton4
from odebench_jax_adjoint.method import bind as adjoint
from odebench_rungekutta import DOPRI8


@pytest.fixture(autouse=True)
def _double():
    """float64, and little of the time that XLA takes to optimise what runs once."""
    before = jax.config.values["jax_disable_most_optimizations"]
    jax.config.update("jax_disable_most_optimizations", True)
    with jax.enable_x64(True):
        yield
    jax.config.update("jax_disable_most_optimizations", before)


RNG = np.random.default_rng(0)
W = RNG.normal(size=(3, 3))
Y0 = RNG.normal(size=3)
TS = np.array([0.1, 0.73, 1.5, 2.2])
WEIGHTS = RNG.normal(size=(4, 3))


def f(t, y, w):
    return jnp.tanh(w @ y + jnp.sin(t)) - 0.1 * y


def spin(t, y):
    """A nonlinear, nonautonomous problem with the solution (exp(sin s), exp(cos s)), s = t + 0.8 sin t."""
    log, speed = jnp.log(y), 1 + 0.8 * jnp.cos(t)
    return jnp.stack([speed * y[0] * log[1], -speed * y[1] * log[0]])


def spun(t):
    s = t + 0.8 * np.sin(t)
    return np.array([np.exp(np.sin(s)), np.exp(np.cos(s))])


def loss_of(solve, **options):
    def loss(y0, ts, w):
        return (solve(f, y0, ts, w, **options)[0] * WEIGHTS).sum()

    return loss


def test_weights():
    """On equal knots they are the classical ones; on others a polynomial of degree K - 1 is integrated exactly."""
    x = -jnp.arange(4.0)
    weights = integrals(x, 1.0)[:4] @ differences(x, jnp.asarray(4))
    np.testing.assert_allclose(weights * 24, [55, -59, 37, -9], rtol=1e-13)
    x = -jnp.cumsum(jnp.asarray(RNG.uniform(0.2, 2, 8))) + 0.3
    weights = integrals(x, 0.7)[:8] @ differences(x, jnp.asarray(8))
    powers = np.arange(8)
    wrong = weights @ x[:, None] ** powers - 0.7 ** (powers + 1) / (powers + 1)
    assert np.all(np.abs(wrong) < 1e-14 * (np.abs(weights) @ np.abs(x[:, None]) ** powers))


def test_between():
    """Between two ends and through m slopes, a polynomial of degree m + 1 is met exactly."""
    times = jnp.array([2.0, 1.5, 0.7, 0.4])
    y = np.polynomial.Polynomial(RNG.normal(size=6))
    history = History(times, jnp.asarray(y.deriv()(np.asarray(times)))[:, None], jnp.asarray(4.0))
    end = (jnp.asarray(y(2.0))[None], history)
    found = between(jnp.asarray(1.8), times[1], times[0], jnp.asarray(4), jnp.asarray(y(1.5))[None], end)
    np.testing.assert_allclose(found, y(1.8), rtol=1e-11)


@pytest.mark.parametrize(("solve", "order"), [(adams_bashforth2, 2), (adams_bashforth4, 4), (adams_moulton4, 4)])
def test_order(solve, order):
    """At the end and at an output within a step, to fourth order of a method's order at least; on uneven steps too."""
    n = {2: 400, 4: 200}[order]
    ts = np.array([0.0, (n // 2 + 0.5) / n * 4, 4.0])
    run = jax.jit(lambda n: solve(spin, spun(0.0), ts, num_steps=n)[0])
    coarse, fine = (np.abs(run(m) - np.stack([spun(t) for t in ts])).max(axis=1) for m in (n, 4 * n))
    assert np.log2(coarse[-1] / fine[-1]) / 2 == pytest.approx(order, abs=0.25)
    assert np.log2(coarse[1] / fine[1]) / 2 > order - 0.3
    errors = [
        np.abs(solve(spin, spun(0.0), 4 * np.linspace(0, 1, m) ** 1.2)[0][-1] - spun(4.0)).max() for m in (n, 2 * n - 1)
    ]
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.5)


def test_counts():
    """f is evaluated once a step by Adams–Bashforth, twice in PECE, after three Runge–Kutta steps of four."""
    adapter = JaxAdapter("cpu", "float64")
    for solve, expected in ((adams_bashforth4, 1 + 3 * 4 + 7), (adams_moulton4, 1 + 3 * 4 + 2 * 7)):
        counts = Counts()
        _, stats = solve(adapter.counted(spin, counts), spun(0.0), np.array([0.0, 1.0]), num_steps=10)
        adapter.flush()
        assert stats.nfe == counts.f == expected


def test_variable_order_follows_the_tolerance():
    """The error goes with the tolerance, and far fewer evaluations are needed than a step size alone would save."""
    ts = np.array([0.0, 0.3, 2.5, 9.0])
    run = jax.jit(lambda tolerance: adams(spin, spun(0.0), ts, rtol=tolerance, atol=tolerance))
    expected = np.stack([spun(t) for t in ts])
    found = [run(tolerance) for tolerance in (1e-4, 1e-7, 1e-10)]
    for (ys, stats), tolerance in zip(found, (1e-4, 1e-7, 1e-10), strict=True):
        assert stats.status == Status.ok
        np.testing.assert_allclose(ys, expected, rtol=100 * tolerance, atol=100 * tolerance)
    steps = [int(stats.accepted) for _, stats in found]
    assert steps[2] < 4 * steps[0]  # of order 4 it would be 32 times


@pytest.mark.parametrize(
    ("solve", "options", "ts"), [(adams_moulton4, {"num_steps": 9}, TS), (adams_bashforth4, {}, TS[::-1])]
)
def test_discrete_gradient(solve, options, ts):
    """Of fixed steps, with respect to y0, every time and params: central differences of the solve itself."""
    value_and_grad, delta = jax.jit(jax.value_and_grad(loss_of(solve, **options), (0, 1, 2))), 1e-5
    args = (Y0, ts, W)
    for i, found in enumerate(value_and_grad(*args)[1]):
        for row in np.eye(found.size).reshape(-1, *found.shape):
            ends = [value_and_grad(*args[:i], args[i] + s * delta * row, *args[i + 1 :])[0] for s in (1, -1)]
            np.testing.assert_allclose((found * row).sum(), (ends[0] - ends[1]) / (2 * delta), rtol=1e-7, atol=1e-7)


def test_gradient_of_variable_order():
    """At a tight tolerance the adjoint's of an explicit method; under vmap, in either direction, from few states."""

    def reference(y0, ts, w):
        odeint = adjoint(RungeKutta(DOPRI8), {"rtol": 1e-11, "atol": 1e-11})
        return (odeint(f, y0, ts, w) * WEIGHTS).sum()

    def grad(loss):
        return jax.value_and_grad(loss, (0, 1, 2))

    starts, times = jnp.stack([Y0, -2 * Y0]), jnp.stack([TS, TS[::-1]])
    options = {"rtol": 1e-9, "atol": 1e-9}
    lanes = jax.jit(jax.vmap(grad(loss_of(adams, **options, checkpoints=3)), (0, 0, None)))(starts, times, W)
    expected = jax.jit(grad(reference))
    for i in range(2):
        continuous = expected(starts[i], times[i], W)
        jax.tree.map(lambda a, b, i=i: np.testing.assert_allclose(a[i], b, rtol=1e-6, atol=1e-6), lanes, continuous)


def test_path():
    """Dense output of variable order lies on the solution."""
    _, _, path = adams.dense(spin, spun(0.0), np.array([0.0, 3.0]), rtol=1e-9, atol=1e-9, max_steps=1000)
    times = np.linspace(0, 3, 13)
    np.testing.assert_allclose(jax.jit(jax.vmap(path))(times), spun(times).T, rtol=1e-7)


@pytest.mark.parametrize(
    ("options", "status"),
    [({"max_steps": 10}, Status.max_steps), ({}, Status.non_finite), ({"min_step": 0.1}, Status.underflow)],
)
def test_failures(options, status):
    """Compiled: what was reached, NaN beyond it, and the status."""

    def wall(t, y):
        beyond = jnp.nan if status == Status.non_finite else 1e9 * y
        return jnp.where(t > 1.0, beyond, -y)

    ts = np.array([0.0, 0.5, 1.5])
    ys, stats = jax.jit(lambda y: adams(wall, y, ts, rtol=1e-8, atol=1e-8, **options))(np.ones(2))
    assert stats.status == status
    assert np.isnan(ys[-1]).all()
    np.testing.assert_array_equal(ys[0], np.ones(2))


def test_registered():
    """By the names that the other framework has."""
    registry = default_registry()
    for name, solve in {
        "adams": adams,
        "adams_bashforth2": adams_bashforth2,
        "adams_bashforth4": adams_bashforth4,
        "adams_moulton4": adams_moulton4,
    }.items():
        assert load_solve(registry, find_backend(registry, f"jax/{name}/backprop").solver) is solve

"""A solve that fails says so: an exception outside compiled code, NaN and a status inside it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from odebench.contract import SolveError, Status
from odebench_jax.runge_kutta import RungeKutta
from odebench_rungekutta import BOSH3, DOPRI5, DOPRI8, EULER

TS = np.array([0.0, 0.5, 1.5, 2.0])


@pytest.fixture(autouse=True)
def _double():
    """float64, and little of the time that XLA takes to optimise what runs once."""
    before = jax.config.values["jax_disable_most_optimizations"]
    jax.config.update("jax_disable_most_optimizations", True)
    with jax.enable_x64(True):
        yield
    jax.config.update("jax_disable_most_optimizations", before)


def pole(t, y):
    """y = 1 / (1 - t)."""
    return y**2


def wall(t, y):
    return jnp.where(t > 1.0, jnp.nan, -y)


def spring(t, y):
    return jnp.stack([y[1], -100.0 * y[0]])


CASES = [
    (DOPRI5, spring, np.ones(2), {"max_steps": 9}, Status.max_steps),
    (DOPRI8, spring, np.ones(2), {"max_steps": 5}, Status.max_steps),
    (EULER, spring, np.ones(2), {"num_steps": 200, "max_steps": 100}, Status.max_steps),
    (DOPRI5, wall, np.ones(1), {}, Status.non_finite),
    (BOSH3, wall, np.ones(1), {"first_step": 0.1}, Status.non_finite),
    (EULER, wall, np.ones(1), {"num_steps": 20}, Status.non_finite),
    (DOPRI5, wall, np.full(1, np.nan), {}, Status.non_finite),
    (DOPRI8, spring, np.ones(2), {"min_step": 0.3, "first_step": 0.4}, Status.underflow),
    (DOPRI5, lambda t, y: jnp.where(t > 1.0, 1e12, 0.0) * y, np.ones(1), {"min_step": 1e-6}, Status.underflow),
]


@pytest.mark.parametrize(("tableau", "f", "y0", "options", "status"), CASES)
def test_failures(tableau, f, y0, options, status):
    """Compiled, what was reached, NaN beyond it, and the status."""
    solve, options = RungeKutta(tableau), {"rtol": 1e-6, "atol": 1e-6} | options
    ys, stats = jax.jit(lambda y, ts: solve(f, y, ts, **options))(y0, TS)
    assert stats.status == status
    reached = np.isfinite(ys).all(axis=1)
    assert not reached[-1]
    assert list(reached) == sorted(reached, reverse=True)
    np.testing.assert_array_equal(ys[0], y0)


@pytest.mark.parametrize(("tableau", "f", "y0", "options", "status"), [CASES[0], CASES[3], CASES[5], CASES[7]])
def test_failures_raise(tableau, f, y0, options, status):
    """Eagerly, SolveError with the status."""
    with pytest.raises(SolveError) as caught:
        RungeKutta(tableau)(f, y0, TS, **{"rtol": 1e-6, "atol": 1e-6} | options)
    assert caught.value.status == status


@pytest.mark.parametrize("tableau", [DOPRI5, DOPRI8], ids=lambda t: t.name)
def test_blow_up(tableau):
    """A pole ends the solve, however; outputs before it are right and none after it is a number."""
    ys, stats = jax.jit(lambda y, ts: RungeKutta(tableau)(pole, y, ts, rtol=1e-8, atol=1e-10))(np.ones(1), TS)
    assert stats.status != Status.ok
    np.testing.assert_allclose(ys[1], 2.0, rtol=1e-6)
    assert np.isnan(ys[2:]).all()


def test_a_trial_beyond_the_domain_only_shrinks_the_step():
    """y' = -sqrt(y)/y is NaN where a trial stage overshoots zero, but the solution stays clear of it."""

    def f(t, y):
        return -1.0 / jnp.sqrt(y)

    ys, stats = RungeKutta(DOPRI5)(f, np.ones(1), np.array([0.0, 0.6]), rtol=1e-6, first_step=0.6)
    assert stats.rejected > 0
    np.testing.assert_allclose(ys[-1], (1 - 1.5 * 0.6) ** (2 / 3), rtol=1e-4)


def test_gradients_of_a_failed_solve_are_nan():
    """Of y0, of params (even those that no step depended on) and of ts."""
    solve = RungeKutta(DOPRI5)

    def loss(y, ts, p):
        return solve(lambda t, y, p: p["a"] * spring(t, y), y, ts, p, max_steps=3)[0][1].sum()

    grads = jax.grad(loss, (0, 1, 2))(np.ones(2), TS, {"a": 1.0, "unused": jnp.ones(2)})
    assert all(np.isnan(leaf).all() for leaf in jax.tree.leaves(grads))


def test_a_failed_lane_leaves_the_others_alone():
    """Under vmap, values and gradients of the lanes that succeed are those that they have alone."""
    solve = RungeKutta(DOPRI5)

    def last(y):
        return solve(pole, y, TS[:3], rtol=1e-8, atol=1e-10)[0][-1].sum()

    values, grads = jax.vmap(jax.value_and_grad(last))(jnp.array([[0.5], [1.0], [-1.0]]))
    assert np.isnan(values[1])
    assert np.isnan(grads[1])
    for lane, y0 in ((0, 0.5), (2, -1.0)):
        value, grad = jax.value_and_grad(last)(jnp.array([y0]))
        np.testing.assert_allclose(values[lane], value, rtol=1e-12)
        np.testing.assert_allclose(grads[lane], grad, rtol=1e-12)


@pytest.mark.parametrize("ts", [[0.0, 1.0, 1.0], [0.0, 2.0, 1.0], [[0.0, 1.0]], [], [0.0, np.inf], [np.nan]])
def test_times(ts):
    """Refused where they are known, if not finite and strictly monotonic; traced, they integrate to nothing."""
    solve, ts = RungeKutta(DOPRI5), np.array(ts)
    with pytest.raises(ValueError, match="ts must be"):
        solve(spring, np.ones(2), ts)
    if ts.shape == (3,):
        ys, stats = jax.jit(lambda ts: solve(spring, np.ones(2), ts))(ts)
        assert stats.status != Status.ok
        assert np.isnan(ys[1:]).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"step": 0.1, "num_steps": 3}, "not both"),
        ({"step": 0.0}, "step must be positive"),
        ({"step": np.inf}, "step must be positive and finite"),
        ({"num_steps": -1}, "num_steps must be a whole number"),
        ({"num_steps": 2.5}, "num_steps must be a whole number"),
        ({"first_step": -0.1}, "first_step must be positive"),
        ({"max_steps": 0}, "max_steps must be"),
        ({"min_step": -1.0}, "min_step must not be negative"),
        ({"rtol": -1e-3}, "rtol must not be negative"),
        ({"rtol": 0.0, "atol": 0.0}, "both 0"),
    ],
    ids=str,
)
def test_options_that_make_no_sense(options, message):
    """Contradictions, and numbers that no solve can have, in the words of every framework."""
    with pytest.raises(ValueError, match=message):
        RungeKutta(DOPRI5)(spring, np.ones(2), TS, **options)


def test_options_that_are_traced():
    """What is not a number yet is let through, but that step and num_steps are one too many is known."""
    solve = RungeKutta(DOPRI5)
    ys = jax.jit(lambda n: solve(spring, np.ones(2), TS, num_steps=n)[0])(40)
    np.testing.assert_array_equal(ys, solve(spring, np.ones(2), TS, num_steps=40)[0])
    with pytest.raises(ValueError, match="not both"):
        jax.jit(lambda n: solve(spring, np.ones(2), TS, num_steps=n, step=0.1)[0])(40)


@pytest.mark.parametrize("y0", [np.ones(2, int), np.ones(2, complex), (), (np.ones(2), np.ones(2, int))])
def test_states_that_are_not_floats(y0):
    """Only real floating-point arrays can be stepped."""
    with pytest.raises(TypeError, match="the state"):
        RungeKutta(DOPRI5)(lambda t, y: y, y0, TS)


@pytest.mark.parametrize(
    "f", [lambda t, y: y[:1], lambda t, y: (y,), lambda t, y: y.sum(), lambda t, y: y.astype(np.float16)]
)
def test_dynamics_of_another_shape(f):
    """f must return what y is: nothing is broadcast, and no lower precision taken for y's."""
    with pytest.raises(TypeError, match="f must return"):
        RungeKutta(DOPRI5)(f, np.ones(2), TS)

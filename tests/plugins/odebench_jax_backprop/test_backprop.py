"""Backpropagation as a gradient method: of odebench's solves and of a stranger's, in a training loop."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from odebench.contract import SolveError, Stats
from odebench_jax.runge_kutta import RungeKutta
from odebench_jax_backprop.method import bind
from odebench_rungekutta import DOPRI5, DOPRI8


@pytest.fixture(autouse=True)
def _double():
    """float64, and little of the time that XLA takes to optimise what runs once."""
    before = jax.config.values["jax_disable_most_optimizations"]
    jax.config.update("jax_disable_most_optimizations", True)
    with jax.enable_x64(True):
        yield
    jax.config.update("jax_disable_most_optimizations", before)


TS = np.array([0.0, 0.3, 1.0, 1.8])
Y0 = np.array([1.2, -0.4])
PARAMS = {"a": np.array([[-0.3, 1.1], [-0.9, 0.2]]), "b": np.array([0.5, -0.2])}
TIGHT = {"rtol": 1e-9, "atol": 1e-11}


def f(t, y, p):
    return p["a"] @ jnp.tanh(y) + p["b"] * jnp.cos(t)


def loss(odeint, *args):
    ys = odeint(f, *args)
    return jnp.sum(jnp.arange(1.0, 1 + ys.size).reshape(ys.shape) * ys**2)


@pytest.mark.parametrize("tableau", [DOPRI5, DOPRI8], ids=lambda t: t.name)
def test_central_differences(tableau):
    """y0, every time and every parameter, against differences of a tighter solve."""
    args = (Y0, TS, PARAMS)
    grads = jax.grad(lambda *args: loss(bind(RungeKutta(tableau), TIGHT), *args), (0, 1, 2))(*args)
    precise = jax.jit(lambda *args: loss(bind(RungeKutta(DOPRI8), {"rtol": 1e-12, "atol": 1e-13}), *args))
    leaves, treedef = jax.tree.flatten(args)
    for i, (leaf, grad) in enumerate(zip(leaves, jax.tree.leaves(grads), strict=True)):
        for index in np.ndindex(leaf.shape):
            moved = []
            for eps in (1e-4, -1e-4):
                shifted = leaf.copy()
                shifted[index] += eps
                moved.append(precise(*jax.tree.unflatten(treedef, [*leaves[:i], shifted, *leaves[i + 1 :]])))
            np.testing.assert_allclose(grad[index], (moved[0] - moved[1]) / 2e-4, rtol=1e-6, atol=1e-6)


def test_stranger():
    """A solve that JAX can differentiate itself needs nothing of the engine."""

    def euler(f, y0, ts, params=None):
        def step(y, ends):
            y = y + (ends[1] - ends[0]) * f(ends[0], y, params)
            return y, y

        _, ys = jax.lax.scan(step, y0, (ts[:-1], ts[1:]))
        return jnp.concatenate([y0[None], ys]), Stats(3, 3, 0, 0, 0.0)

    found = jax.grad(lambda p: loss(bind(euler, {}), Y0, jnp.asarray(TS), p))(PARAMS)
    y1 = Y0 + TS[1] * f(0.0, Y0, PARAMS)
    first = jax.grad(lambda p: bind(euler, {})(f, Y0, jnp.asarray(TS[:2]), p)[-1].sum())(PARAMS)
    np.testing.assert_allclose(first["b"], TS[1], rtol=1e-12)
    np.testing.assert_allclose(bind(euler, {})(f, Y0, jnp.asarray(TS), PARAMS)[1], y1, rtol=1e-12)
    assert np.isfinite(found["a"]).all()


def test_failure():
    """A failed solve raises where it can."""
    with pytest.raises(SolveError, match="max_steps"):
        bind(RungeKutta(DOPRI5), {"max_steps": 2})(f, Y0, TS, PARAMS)


def test_training_loop():
    """A compiled optax loop fits the parameters that made the data."""
    odeint = bind(RungeKutta(DOPRI5), {"rtol": 1e-4, "atol": 1e-6})
    target = odeint(f, Y0, TS, PARAMS)
    optimizer = optax.adam(0.05)

    def error(params):
        return jnp.mean((odeint(f, Y0, TS, params) - target) ** 2)

    @jax.jit
    def train(params):
        def step(carry, _):
            params, state = carry
            value, grads = jax.value_and_grad(error)(params)
            updates, state = optimizer.update(grads, state)
            return (optax.apply_updates(params, updates), state), value

        return jax.lax.scan(step, (params, optimizer.init(params)), length=100)[1]

    losses = train({"a": jnp.zeros((2, 2)), "b": jnp.zeros(2)})
    assert losses[-1] < 1e-2 * losses[0]

"""Forward sensitivities: the derivative of the steps themselves where these are given, in both modes, an f a stage."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from odebench import backend
from odebench.adapter import Counts
from odebench_jax.adapter import JaxAdapter


@pytest.fixture(autouse=True)
def _double():
    """float64, and little of the time that XLA takes to optimise what runs once."""
    before = jax.config.values["jax_disable_most_optimizations"]
    jax.config.update("jax_disable_most_optimizations", True)
    with jax.enable_x64(True):
        yield
    jax.config.update("jax_disable_most_optimizations", before)


TS = np.array([0.2, 0.5, 1.8])
Y0 = {"x": np.array([1.2, -0.4]), "z": np.array([[0.3]])}
PARAMS = {"a": np.array([[-0.3, 1.1], [-0.9, 0.2]]), "n": np.array([1, 0])}


def f(t, y, p):
    return {"x": p["a"] @ jnp.tanh(y["x"][p["n"]]) + jnp.cos(t), "z": y["z"] * y["x"][0]}


def outputs(odeint, y0, ts, a):
    ys = odeint(f, y0, ts, PARAMS | {"a": a})
    return jnp.concatenate([leaf.reshape(len(TS), -1) for leaf in jax.tree.leaves(ys)], 1)


def test_equal_steps():
    """Runge–Kutta steps of the variational equation are the derivatives of the steps: those of backprop, to the bits.

    Of trees of states, and with integers among the parameters. In forward mode they are the same.
    """
    forward, backprop = (backend(f"jax/rk4/{name}", num_steps=20).odeint for name in ("forward", "backprop"))
    expected = jax.jit(jax.jacrev(lambda y0, a: outputs(backprop, y0, TS, a), (0, 1)))(Y0, PARAMS["a"])
    for mode in (jax.jacrev, jax.jacfwd):
        found = jax.jit(mode(lambda y0, a: outputs(forward, y0, TS, a), (0, 1)))(Y0, PARAMS["a"])
        jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-12, atol=1e-13), found, expected)


def test_times():
    """In forward mode, too: each output moves by f with its time, all of them against it with t0, the first never."""
    odeint = backend("jax/dopri5/forward", rtol=1e-9, atol=1e-11).odeint
    found = jax.jit(jax.jacfwd(lambda ts: outputs(odeint, Y0, ts, PARAMS["a"])))(TS)
    moved = jax.jit(lambda ts: outputs(odeint, Y0, ts, PARAMS["a"]))
    expected = [(moved(TS + e) - moved(TS - e)) / 2e-4 for e in 1e-4 * np.eye(3)]
    np.testing.assert_allclose(found, np.stack(expected, -1), rtol=1e-5, atol=1e-6)
    assert (found[0] == 0).all()


def test_evaluations():
    """One evaluation and one product with all columns a stage: whatever is differentiated, and no VJP."""
    adapter, counts = JaxAdapter("cpu", "float64"), Counts()
    odeint = backend("jax/rk4/forward", num_steps=10).odeint

    def run(function, *args):
        counts.f = counts.jvp = counts.vjp = 0
        adapter.block(jax.jit(function)(*args))
        adapter.flush()
        return counts.f, counts.jvp, counts.vjp

    def loss(y0, a):
        counted = adapter.counted(f, counts)
        return jnp.sum(odeint(counted, y0, TS[[0, -1]], PARAMS | {"a": a})["x"] ** 2)

    assert run(loss, Y0, PARAMS["a"]) == (40, 0, 0)
    assert run(jax.grad(loss, (0, 1)), Y0, PARAMS["a"]) == (40, 40, 0)


def test_norm():
    """A norm of the user's own sees y alone; without one S counts, so that differentiated steps are shorter."""
    seen = []

    def norm(y):
        seen.append(jax.tree.map(jnp.shape, y))
        return jnp.max(jnp.abs(y["x"]))

    odeint = backend("jax/bosh3/forward", rtol=1e-6, atol=1e-8, norm=norm).odeint
    jax.jit(jax.grad(lambda a: jnp.sum(odeint(f, Y0, TS, PARAMS | {"a": a})["x"])))(PARAMS["a"])
    assert {str(shapes) for shapes in seen} == {str({"x": (2,), "z": (1, 1)})}

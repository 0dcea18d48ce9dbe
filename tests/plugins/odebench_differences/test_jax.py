"""Central differences of JAX solves: two solves a number, of what is differentiated only, right where they can be."""

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


TS = np.array([0.0, 1e-6, 1.0])
Y0 = {"x": np.array([1.0, -2.0])}


def f(t, y, p):
    return {"x": p["a"] * y["x"][p["n"]] * t}


def test_two_solves_a_number():
    """Integers among the parameters are left alone, and times that are close are moved by less than lies between."""
    adapter, counts, params = JaxAdapter("cpu", "float64"), Counts(), {"a": np.array([0.5, 0.7]), "n": np.array([0, 1])}
    odeint = backend("jax/rk4/finite_difference", num_steps=10).odeint
    counted = adapter.counted(f, counts)

    def loss(y0, ts, a):
        return jnp.sum(odeint(counted, y0, ts, params | {"a": a})["x"] ** 2)

    found = adapter.block(jax.jit(loss)(Y0, TS, params["a"]))
    adapter.flush()
    once, counts.f = counts.f, 0
    found = jax.jit(jax.grad(loss, (0, 1, 2)))(Y0, TS, params["a"])
    adapter.flush()
    assert counts.f == once * (1 + 2 * (2 + 3 + 2))
    assert counts.vjp == 0
    # x = x0 exp(a t²/2)
    x0, a = Y0["x"], params["a"]
    final = 2 * (x0 * np.exp(a / 2)) ** 2
    np.testing.assert_allclose(found[0]["x"], final / x0 + 4 * x0, rtol=1e-6)
    np.testing.assert_allclose(found[2], final / 2, rtol=1e-5)
    np.testing.assert_allclose(found[1], [0, 0, (final * a).sum()], rtol=1e-4, atol=1e-4)


def test_difference():
    """Its error is as of a second derivative: of a cubic it is the square of the difference."""

    def slope(difference):
        odeint = backend("jax/euler/finite_difference", difference_step=difference).odeint
        return jax.grad(lambda y0: odeint(lambda t, y: y**3, y0, np.array([0.0, 1.0]))[-1])(0.5)

    assert slope(0.1) == pytest.approx(1 + 3 * 0.25 + 0.1**2, rel=1e-10)
    with pytest.raises(ValueError, match="difference_step must be positive"):
        backend("jax/euler/finite_difference", difference_step=0.0).odeint  # noqa: B018

"""Products of the dynamics' Jacobian are JAX's own, in an order that XLA is quick at."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental import io_callback
from jax.extend.core import jaxprs_in_params

from odebench_jax.pullback import vjp

RNG = np.random.default_rng(0)
Y, W, B = RNG.normal(size=(7, 3)), RNG.normal(size=(3, 5)), RNG.normal(size=5)


def f(y, params):
    """A tree, of which a part does not depend on y, and params of which some have no influence."""
    return {"net": jnp.tanh(y @ params["w"] + params["b"]), "rate": jnp.sum(params["b"])}


def pulled(way, dtype):
    params = {"w": jnp.asarray(W, dtype), "b": jnp.asarray(B, dtype), "idle": jnp.ones(2, dtype)}
    out, pull = way(f, jnp.asarray(Y, dtype), params)
    return out, pull(jax.tree.map(jnp.cos, out))


def test_are_those_of_jax():
    jax.tree.map(
        lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-6),
        pulled(vjp, np.float32),
        pulled(jax.vjp, np.float32),
    )


def dots(jaxpr):
    """The ranks of the factors of every matrix product."""
    for eqn in jaxpr.eqns:
        if eqn.primitive.name == "dot_general":
            yield [v.aval.ndim for v in eqn.invars]
        for inner in jaxprs_in_params(eqn.params):
            yield from dots(inner)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_matrices_are_a_batch_where_that_is_quick(dtype):
    """f's own product is of matrices; of the two that pull, each has an axis more, but in float64."""
    with jax.enable_x64(dtype == np.float64):
        found = sorted(sorted(ranks) for ranks in dots(jax.make_jaxpr(lambda: pulled(vjp, dtype))().jaxpr))
    assert found == [[2, 2], *[[2, 2 + (dtype == np.float32)]] * 2]


@pytest.mark.parametrize("callback", [jax.pure_callback, partial(io_callback, ordered=True)])
def test_derivative_on_the_host(callback):
    """JAX cannot batch it unless it is told how, nor ever one in order: then it is called as it is."""

    @jax.custom_vjp
    def double(x):
        return 2 * x

    def backward(_, g):
        return (callback(lambda g: 2 * np.asarray(g), jax.ShapeDtypeStruct(g.shape, g.dtype), g),)

    double.defvjp(lambda x: (2 * x, None), backward)
    out, pull = vjp(double, jnp.ones(3, np.float32))
    np.testing.assert_array_equal(pull(out)[0], np.full(3, 4.0))

"""The field: its size, and its derivative by hand against those of both frameworks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from odebench.tasks import namespace
from suites.ffjord.estimator import TraceTask, variance
from suites.ffjord.field import ACTIVATIONS, field_and_products, parameters
from suites.ffjord.flow import Flow
from suites.ffjord.toy import ToyTask

D, TIME = 3, 0.3


@pytest.fixture(scope="module")
def inputs():
    rng = np.random.default_rng(1)
    return parameters(rng, [D, 7, 5, D]), rng.standard_normal((4, D)), rng.standard_normal((2, 4, D))


def test_sizes():
    """9,225 numbers of the toys' net with its learnable time, and the paper's count for MINIBOONE."""
    assert sum(p.size for p in ToyTask("torch", seed=0).params.values()) == 9225
    found = parameters(np.random.default_rng(0), [43, 860, 860, 43])
    assert sum(p.size for p in found.values()) + 1 == 820_613


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_products_in_torch(inputs, adapter, activation):
    """The Jacobian that torch's reverse mode makes, times each of two directions, and the value unchanged."""
    params, z, directions = adapter("torch").asarray(inputs)
    xp, t = namespace("torch"), torch.tensor(TIME)

    def f(z):
        return field_and_products(xp, activation, t, z, None, params)[0]

    rate, products = field_and_products(xp, activation, t, z, directions, params)
    torch.testing.assert_close(rate, f(z), rtol=1e-13, atol=1e-13)
    jacobians = torch.stack([torch.func.jacrev(f)(point[None])[0, :, 0] for point in z])
    expected = torch.einsum("bij,kbj->kbi", jacobians, directions)
    torch.testing.assert_close(products, expected, rtol=1e-12, atol=1e-13)


def test_products_in_jax(inputs, adapter):
    """The same in JAX."""
    params, z, directions = adapter("jax").asarray(inputs)
    xp = namespace("jax")
    rate, products = field_and_products(xp, "tanh", TIME, z, directions, params)
    value, expected = jax.jvp(
        lambda z: field_and_products(xp, "tanh", TIME, z, None, params)[0], (z,), (directions[1],)
    )
    np.testing.assert_allclose(rate, value, rtol=1e-12)
    np.testing.assert_allclose(products[1], expected, rtol=1e-11)
    assert products.dtype == jnp.float64


def test_exact_trace(inputs, adapter):
    """The sum over the axes is the trace of the Jacobian that torch makes, of every point apart."""
    params, z, _ = adapter("torch").asarray(inputs)
    flow = Flow(namespace("torch"))
    _, trace = flow.traces(torch.tensor(TIME), z, None, params)

    def f(z):
        return field_and_products(namespace("torch"), "tanh", torch.tensor(TIME), z[None], None, params)[0][0]

    expected = torch.stack([torch.trace(torch.func.jacrev(f)(point)) for point in z])
    torch.testing.assert_close(trace, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("trace", ["gaussian", "rademacher"])
def test_estimator(adapter, trace):
    """Over 10⁴ draws the mean is within three standard errors of the exact trace, and the variance is that of the
    formula within 8 %, for three seeds."""
    numpy = adapter("torch")
    for seed in range(3):
        task = TraceTask("torch", seed=seed, dimension=8, trace=trace)
        params = numpy.asarray(task.params)
        found = task.evaluate(lambda b, t=task, p=params: numpy.numpy(t.predict(p, numpy.asarray(b), None)))
        assert found["standard_errors"] < 3
        assert found["variance_ratio"] == pytest.approx(1, abs=0.08)
        assert found["exact_trace"] != 0


def test_variance_formulas():
    """A diagonal Jacobian: Rademacher noise has no variance at all, Gaussian noise 2 Σ Jᵢᵢ². An antisymmetric one: none
    of either."""
    diagonal = np.diag([1.0, -2.0, 3.0])
    assert variance(diagonal, "rademacher") == 0
    assert variance(diagonal, "gaussian") == 28
    assert variance(np.array([[0.0, 1.0], [-1.0, 0.0]]), "gaussian") == 0

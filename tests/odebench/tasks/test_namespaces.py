"""What tasks compute with: the same values and derivatives in PyTorch and JAX, and those that NumPy gives by hand."""

from __future__ import annotations

import numpy as np
import pytest

from odebench import descriptors
from odebench.errors import UserError
from odebench.tasks import namespace
from odebench_jax.adapter import JaxAdapter
from odebench_torch.adapter import TorchAdapter

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")  # by its jvp
# Far out, where a formula that is not careful overflows or loses its digits, and around what is special.
X = np.array([[-300.0, -30.0, -1.5, -1e-3], [1e-3, 0.7, 25.0, 300.0]])


def log_sum_exp(x, axis):
    most = x.max(axis, keepdims=True)
    return np.log(np.exp(x - most).sum(axis)) + most.squeeze(axis)


BY_HAND = {
    "relu": lambda x: np.maximum(x, 0),
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "sigmoid": lambda x: np.where(x > 0, 1 / (1 + np.exp(-np.abs(x))), np.exp(-np.abs(x)) / (1 + np.exp(-np.abs(x)))),
    "softplus": lambda x: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))),
    "log_softmax": lambda x: x - log_sum_exp(x, -1)[..., None],
    "logsumexp": lambda x: log_sum_exp(x, -1),
    "stop_gradient": lambda x: x,
}


@pytest.fixture(params=["torch", "jax"])
def framework(request):
    adapter = {"torch": TorchAdapter, "jax": JaxAdapter}[request.param]("cpu", "float64")
    adapter.activate()
    return namespace(request.param), adapter


@pytest.mark.parametrize("name", BY_HAND)
def test_values_by_hand(framework, name):
    """In float64 to its last digits, however large the argument."""
    xp, adapter = framework
    found = adapter.numpy(getattr(xp, name)(adapter.asarray(X)))
    np.testing.assert_allclose(found, BY_HAND[name](X), rtol=1e-14, atol=1e-300)


@pytest.mark.parametrize("name", [name for name in BY_HAND if name != "stop_gradient"])
def test_gradients(framework, name):
    """Those of differences of the values by hand; finite far out, too."""
    xp, adapter = framework

    def total(params, batch):
        return xp.sum(getattr(xp, name)(params["x"]) * batch)

    weights = np.linspace(0.5, 1.5, BY_HAND[name](X).size).reshape(BY_HAND[name](X).shape)
    run = adapter.value_and_grad(total)
    assert np.isfinite(adapter.numpy(run(adapter.asarray({"x": X}), adapter.asarray(weights))[1])["x"]).all()
    x = X / 100
    found = adapter.numpy(run(adapter.asarray({"x": x}), adapter.asarray(weights))[1])["x"]
    expected = np.empty_like(x)
    for i in np.ndindex(x.shape):
        h = np.zeros_like(x)
        h[i] = 1e-6
        expected[i] = ((BY_HAND[name](x + h) - BY_HAND[name](x - h)) * weights).sum() / 2e-6
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("name", ["log_softmax", "logsumexp"])
def test_another_axis(framework, name):
    """By keyword: what is along the first axis is along the last of the transpose."""
    xp, adapter = framework
    found = adapter.numpy(getattr(xp, name)(adapter.asarray(X), axis=0))
    expected = BY_HAND[name](X.T)
    np.testing.assert_allclose(found, expected.T, rtol=1e-14, atol=1e-14)


def test_stop_gradient(framework):
    """A constant of the derivative: that of ``x · stop(x)`` is x."""
    xp, adapter = framework
    run = adapter.value_and_grad(lambda params, batch: xp.sum(params["x"] * xp.stop_gradient(params["x"])))
    np.testing.assert_array_equal(adapter.numpy(run(adapter.asarray({"x": X}), None)[1])["x"], X)


A = np.array([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]])
U, V = np.array([0.3, -0.2, 0.9]), np.array([1.0, -2.0])


def test_products_of_the_jacobian(framework):
    """``(out, pull)`` of several arguments and ``(out, tangent)``: of ``b · tanh(A x)`` as by hand."""
    xp, adapter = framework
    a, x, b, u, v = (adapter.asarray(z) for z in (A, np.ones(3), np.array([2.0, 3.0]), U, V))

    def f(x, b):
        return b * xp.tanh(a @ x)

    squashed = np.tanh(A @ np.ones(3))
    slope = np.array([2.0, 3.0]) * (1 - squashed**2)
    out, pull = xp.vjp(f, x, b)
    np.testing.assert_allclose(adapter.numpy(out), [2, 3] * squashed, rtol=1e-14)
    xbar, bbar = map(adapter.numpy, pull(v))
    np.testing.assert_allclose(xbar, A.T @ (slope * V), rtol=1e-13)
    np.testing.assert_allclose(bbar, squashed * V, rtol=1e-13)
    out, tangent = xp.jvp(f, (x, b), (u, adapter.asarray(np.zeros(2))))
    np.testing.assert_allclose(adapter.numpy(tangent), slope * (A @ U), rtol=1e-13)


def test_scan(framework):
    """A running sum of products, with its gradient: what a loop in NumPy gives."""
    xp, adapter = framework

    def run(params, xs):
        def step(carry, x):
            carry = carry * params["decay"] + x
            return carry, xp.sum(carry)

        carry, ys = xp.scan(step, xp.zeros_like(xs[0]), xs)
        return xp.sum(carry) + xp.sum(ys**2)

    def by_hand(decay):
        carry, total = np.zeros(3), 0.0
        for x in A:
            carry = carry * decay + x
            total += carry.sum() ** 2
        return total + carry.sum()

    value, grads = adapter.value_and_grad(run)(adapter.asarray({"decay": np.array(0.7)}), adapter.asarray(A))
    assert float(value) == pytest.approx(by_hand(0.7), rel=1e-13)
    assert float(grads["decay"]) == pytest.approx((by_hand(0.7 + 1e-6) - by_hand(0.7 - 1e-6)) / 2e-6, rel=1e-8)


def test_the_standards_own_names(framework):
    """Reach the framework's Array API, with the standard's spelling and keywords."""
    xp, adapter = framework
    x = adapter.asarray(A)
    for found, expected in (
        (xp.concat([x, x], axis=1), np.concatenate([A, A], 1)),
        (xp.permute_dims(x, (1, 0)), A.T),
        (xp.sum(x, axis=(0, 1), keepdims=True), A.sum(keepdims=True)),
        (xp.std(x, axis=0, correction=1), A.std(0, ddof=1)),
        (xp.max(x, axis=-1), A.max(-1)),
        (xp.clip(x, -0.5, 0.5), A.clip(-0.5, 0.5)),
        (xp.cumulative_sum(x, axis=1), A.cumsum(1)),
    ):
        np.testing.assert_allclose(adapter.numpy(found), expected, rtol=1e-14)
    with pytest.raises(AttributeError, match="no_such_function"):
        _ = xp.no_such_function


def test_frameworks_without_one(monkeypatch):
    """Or that there are not, or not here: named, with the command that gets it."""
    with pytest.raises(UserError, match="framework 'nothing' has no namespace of the Array API"):
        namespace("nothing")
    monkeypatch.setattr(descriptors, "installed", lambda name: name != "optax")
    with pytest.raises(UserError, match="framework 'jax' is not installed: pip install optax"):
        namespace("jax")

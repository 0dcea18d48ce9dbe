"""TensorFlow Probability held to the contract: values, gradients, counts, options, failures, bad input."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest

with warnings.catch_warnings():  # TFP's own, of distutils
    warnings.simplefilter("ignore")
    pytest.importorskip("tensorflow_probability")
    pytest.importorskip("tf_keras")
    import tensorflow as tf
    from tensorflow_probability.python.math import ode as _loaded  # noqa: F401, it is loaded when first used

import odebench
from odebench import SolveError, Status, Unsupported
from odebench.adapter import Counts
from odebench.backends import backends, default_registry
from odebench_tfp import namespace as xp
from odebench_tfp.adapter import TensorflowAdapter

# What TensorFlow's and TFP's own code warns of while it traces.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]

TIGHT = {"rtol": 1e-7, "atol": 1e-9, "first_step": 0.01}
WEIGHTS = np.arange(1.0, 7.0).reshape(3, 2)


def double(*values: float) -> Any:
    return tf.constant(values, tf.float64)


def f(t: Any, y: Any, p: dict[str, Any]) -> Any:
    """y = y0 exp(a (cos t - cos t0)), which is not even in t."""
    return -p["a"] * xp.sin(t) * y


def exact(y0: Any, ts: Any, a: Any) -> Any:
    return y0 * tf.exp(a * (tf.cos(ts) - tf.cos(ts[0])))[:, None]


def solve(*args: Any, solver: str = "dormand_prince", **given: Any) -> Any:
    return odebench.backend(f"tfp/{solver}/backprop", **given).solve(*args)


class Differentiated:
    """The gradient of Σ w · ys as the harness takes it, counted."""

    def __init__(self, name: str, **given: Any) -> None:
        self.adapter, self.counts = TensorflowAdapter("cpu", "float64"), Counts()
        field = self.adapter.counted(f, self.counts)
        odeint = odebench.backend(name, **TIGHT | given).odeint

        def loss(inputs: dict[str, Any], batch: Any) -> Any:
            ys = odeint(field, inputs["y0"], inputs["ts"], {"a": inputs["a"], "unused": inputs["unused"]})
            return xp.sum(batch * ys)

        self.value_and_grad = self.adapter.value_and_grad(loss)

    def __call__(self, *times: float) -> tuple[dict[str, Any], dict[str, Any]]:
        """The gradients found, and those of the closed form."""
        inputs = {"y0": double(1.0, 2.0), "ts": double(*times), "a": double(0.7)[0], "unused": double(1.0)}
        self.counts.clear()
        value, found = self.value_and_grad(inputs, tf.constant(WEIGHTS))
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            loss = xp.sum(WEIGHTS * exact(inputs["y0"], inputs["ts"], inputs["a"]))
        expected = tape.gradient(loss, inputs, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        np.testing.assert_allclose(value, loss, rtol=1e-5)
        return self.adapter.numpy(found), self.adapter.numpy(expected)


@pytest.mark.parametrize("times", [(0.3, 1.1, 1.9), (1.9, 1.1, 0.3)])
@pytest.mark.parametrize("solver", ["dormand_prince", "bdf"])
def test_values(solver: str, times: tuple[float, ...]) -> None:
    """Either way in time, outside a graph, against the closed form; the first output is y0 itself."""
    y0, a, ts = double(1.0, 2.0), double(0.7)[0], double(*times)
    ys, stats = solve(f, y0, ts, {"a": a}, solver=solver, **TIGHT)
    np.testing.assert_allclose(ys, exact(y0, ts, a), rtol=2e-5)
    assert np.array_equal(ys[0], y0)
    assert int(stats.status) == Status.ok
    assert int(stats.nfe) > 12
    assert float(stats.next_step) > 0


def test_backprop() -> None:
    """Of y0, the parameters and all times: the closed form's; one product for each evaluation, none of them twice."""
    gradient = Differentiated("tfp/dormand_prince/backprop")
    for times in ((0.3, 1.1, 1.9), (1.9, 1.1, 0.3)):
        found, expected = gradient(*times)
        for name, g in expected.items():
            np.testing.assert_allclose(found[name], g, rtol=1e-3, atol=1e-3, err_msg=name)
        assert gradient.counts.vjp == gradient.counts.f > 12


def test_adjoint() -> None:
    """Of y0 and the parameters: the closed form's; of times: none, as is registered; a looser backward solve is
    cheaper; and TFP looks at f at -t1."""
    products = []
    for given in ({}, {"adjoint_rtol": 1e-3, "adjoint_atol": 1e-3}):
        gradient = Differentiated("tfp/dormand_prince/adjoint", **given)
        found, expected = gradient(0.3, 1.1, 1.9)
        for name in ("y0", "a", "unused"):
            np.testing.assert_allclose(found[name], expected[name], rtol=1e-2 if given else 1e-5, err_msg=name)
        assert not found["ts"].any()
        assert gradient.counts.earliest == -1.9
        products.append(gradient.counts.vjp)
    assert products[1] < products[0]
    methods = backends(default_registry(), "tfp/dormand_prince/*")
    assert {b.gradient.name: b.gradient.without for b in methods} == {"adjoint": ("ts",), "backprop": ()}


def test_bdf_adjoint() -> None:
    """The closed form's gradient of y0 and the parameters."""
    found, expected = Differentiated("tfp/bdf/adjoint", rtol=1e-6, atol=1e-8)(0.3, 1.1, 1.9)
    for name in ("y0", "a"):
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-4, err_msg=name)


def test_captured() -> None:
    """What f captures has a gradient through the operations, and by the adjoint silently none, as is registered;
    outside of a graph, too."""
    a, y0, ts = double(0.7)[0], double(1.0, 2.0), double(0.3, 1.9)
    found = []
    for method in ("backprop", "adjoint"):
        odeint = odebench.backend(f"tfp/dormand_prince/{method}", rtol=1e-5, atol=1e-7).odeint
        with tf.GradientTape() as tape:
            tape.watch((a, y0))
            ys = odeint(lambda t, y: f(t, y, {"a": a}), y0, ts)
            last = tf.reduce_sum(ys[-1])
        of_a, of_y0 = tape.gradient(last, (a, y0))
        found.append(of_a)
        growth = math.exp(0.7 * (math.cos(1.9) - math.cos(0.3)))
        np.testing.assert_allclose(of_y0, [growth, growth], rtol=1e-3)
    np.testing.assert_allclose(found[0], 3 * growth * (math.cos(1.9) - math.cos(0.3)), rtol=1e-3)
    assert found[1] is None


@pytest.mark.parametrize("direction", [1.0, -1.0])
def test_first_step_and_count(direction: float) -> None:
    """The first step is as told, in either direction and in y's dtype; TFP claims one evaluation fewer than it makes,
    goes beyond the end, and takes more steps where less is tolerated."""
    seen: list[Any] = []

    def field(t: Any, y: Any) -> Any:
        tf.numpy_function(lambda t: seen.append(t) or np.int32(0), [t], tf.int32)
        return -y

    claims = []
    for rtol in (1e-3, 1e-7):
        seen.clear()
        _, stats = solve(field, tf.ones(1), tf.constant([0.0, direction]), first_step=0.125, rtol=rtol, atol=1e-6)
        assert float(seen[1]) == pytest.approx(direction * 0.025)
        assert {t.dtype for t in seen} == {np.dtype(np.float32)}
        assert int(stats.nfe) == len(seen) - 1
        assert max(direction * float(t) for t in seen) > 1
        claims.append(int(stats.nfe))
    assert claims[0] < claims[1]


def test_trees() -> None:
    """A dict stays one, in f and out of it."""
    y0 = {"x": double(1.0, 2.0), "v": tf.ones((3, 1), tf.float64)}
    ys, _ = solve(lambda t, y: {"x": -y["x"], "v": y["v"]}, y0, double(0.0, 1.0), **TIGHT)
    assert ys["v"].shape == (2, 3, 1)
    np.testing.assert_allclose(ys["x"][-1], y0["x"] * math.exp(-1), rtol=1e-6)
    np.testing.assert_allclose(ys["v"][-1], y0["v"] * math.e, rtol=1e-6)


def test_one_time() -> None:
    """A solve of no length is y0."""
    assert np.array_equal(solve(lambda t, y: y, double(1.0), double(0.0))[0], [[1.0]])


def wall(t: Any, y: Any) -> Any:
    return tf.where(t > 0.5, tf.constant(math.nan, y.dtype), -y)


FAILURES = [
    ("dormand_prince", lambda t, y: -1000 * y, 5, {Status.max_steps}),
    ("dormand_prince", lambda t, y: y**2, 2000, {Status.max_steps, Status.non_finite}),
    ("dormand_prince", wall, 2000, {Status.non_finite}),
    ("bdf", lambda t, y: -y, 5, {Status.max_steps}),
]


@pytest.mark.parametrize(("solver", "g", "most", "statuses"), FAILURES)
def test_failures(solver: str, g: Any, most: int, statuses: set[Status]) -> None:
    """What TFP asserts, returns a code for or would go on with for ever is a SolveError that says why."""
    with pytest.raises(SolveError) as caught:
        solve(g, double(1.0, 0.5), double(0.0, 2.0), solver=solver, max_steps=most, rtol=1e-6, atol=1e-8)
    assert caught.value.status in statuses


def test_failures_in_a_graph() -> None:
    """The adapter raises the same of what it runs, be it the backward solve alone; and so it does of times."""
    adapter = TensorflowAdapter("cpu", "float64")
    tolerances = {"rtol": 1e-3, "atol": 1e-3, "adjoint_rtol": 1e-13, "adjoint_atol": 1e-13}
    odeint = odebench.backend("tfp/bdf/adjoint", max_steps=30, **tolerances).odeint
    gradient = adapter.value_and_grad(lambda p, ts: tf.reduce_sum(odeint(lambda t, y: -y, p["y0"], ts)))
    forward = adapter.forward(lambda p, ts: odeint(lambda t, y: -y, p["y0"], ts))
    params = {"y0": double(1.0)}
    assert forward(params, double(0.0, 1.0)).shape == (2, 1)
    with pytest.raises(SolveError) as caught:
        gradient(params, double(0.0, 1.0))
    assert caught.value.status == Status.max_steps
    with pytest.raises(ValueError, match="strictly monotone"):
        forward(params, double(1.0, 1.0))


@pytest.mark.parametrize("given", [{"step": 0.1}, {"num_steps": 3}, {"min_step": 0.1}, {"norm": tf.norm}])
def test_options_that_it_lacks(given: dict[str, Any]) -> None:
    """Refused by name, as a ValueError."""
    with pytest.raises(Unsupported, match=f"tfp/dormand_prince has no option {next(iter(given))}"):
        solve(lambda t, y: y, double(1.0), double(0.0, 1.0), **given)


@pytest.mark.parametrize(
    ("y0", "ts", "g", "given", "error"),
    [
        (tf.ones(1, tf.int64), [0.0, 1.0], lambda t, y: y, {}, TypeError),
        (tf.ones(1, tf.complex64), [0.0, 1.0], lambda t, y: y, {}, TypeError),
        ({"x": tf.ones(1), "v": tf.ones(1, tf.float64)}, [0.0, 1.0], lambda t, y: y, {}, TypeError),
        (1.0, [0.0, 1.0], lambda t, y: y, {}, TypeError),
        ((), [0.0, 1.0], lambda t, y: y, {}, TypeError),
        (tf.ones(1), [0.0, 1.0, 1.0], lambda t, y: y, {}, ValueError),
        (tf.ones(1), [0.0, 2.0, 1.0], lambda t, y: y, {}, ValueError),
        (tf.ones(1), [[0.0, 2.0]], lambda t, y: y, {}, ValueError),
        (tf.ones(2), [0.0, 1.0], lambda t, y: y[:1], {}, ValueError),
        (tf.ones(2), [0.0, 1.0], lambda t, y: {"x": y}, {}, ValueError),
        (tf.ones(2), [0.0, 1.0], lambda t, y: tf.cast(y, tf.float64), {}, TypeError),
        (tf.ones(2), [0.0, 1.0], lambda t, y: 0.0, {}, TypeError),
        (tf.ones(2), [0.0, 1.0], lambda t, y: y, {"rtol": -1.0}, ValueError),
        (tf.ones(2), [0.0, 1.0], lambda t, y: y, {"rtol": 0.0, "atol": 0.0}, ValueError),
        (tf.ones(2), [0.0, 1.0], lambda t, y: y, {"first_step": 0.0}, ValueError),
    ],
)
def test_bad_input(y0: Any, ts: Any, g: Any, given: dict[str, Any], error: type[Exception]) -> None:
    """Refused in the words of the other frameworks' solvers, before TFP goes on with it."""
    with pytest.raises(error, match=r"y0|ts|dy/dt|rtol|first_step"):
        solve(g, y0, tf.constant(ts), **given)

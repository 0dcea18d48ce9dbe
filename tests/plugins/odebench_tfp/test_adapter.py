"""TensorFlow as the harness measures it: arrays, gradients, training, counts in graphs, and the functions of tasks."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

with warnings.catch_warnings():  # TFP's own, of distutils
    warnings.simplefilter("ignore")
    pytest.importorskip("tensorflow_probability")
    pytest.importorskip("tf_keras")
    import tensorflow as tf

from typing import Any

from odebench.adapter import Counts
from odebench.contract import Recipe, Unsupported
from odebench_tfp import namespace as xp
from odebench_tfp.adapter import TensorflowAdapter

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

TREE = {"a": np.array([1.5, -2.25]), "b": {"c": np.arange(6, dtype=np.float32).reshape(2, 3)}, "n": np.array([1, 2])}


@pytest.fixture
def double() -> TensorflowAdapter:
    adapter = TensorflowAdapter("cpu", "float64")
    adapter.activate()
    return adapter


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_arrays_survive_the_trip(dtype: str) -> None:
    """Structure, shapes and values; floating ones in the adapter's dtype, integers as they were."""
    adapter = TensorflowAdapter("cpu", dtype)
    there = adapter.asarray(TREE)
    assert there["a"].dtype.name == there["b"]["c"].dtype.name == dtype
    assert there["n"].dtype == tf.int64
    np.testing.assert_equal(adapter.numpy(there), TREE)
    assert [leaf.shape for leaf in adapter.leaves(there)] == [(2,), (2, 3), (2,)]
    assert not any(leaf.numpy().any() for leaf in adapter.leaves(adapter.zeros_like(there)))


@pytest.mark.parametrize(("device", "dtype", "word"), [("cuda", "float64", "cuda"), ("cpu", "bfloat16", "bfloat16")])
def test_what_it_has_not(device: str, dtype: str, word: str) -> None:
    """A device or a dtype is refused by name, with what there is."""
    with pytest.raises(Unsupported, match=rf"{word}.*valid: (cpu|float32, float64)"):
        TensorflowAdapter(device, dtype)
    assert TensorflowAdapter.devices() == ["cpu"]


def test_training(double: TensorflowAdapter) -> None:
    """Two steps of momentum against the same by hand; what the loss does not use stays; another rate is no new
    trace."""
    traced = []

    def loss(params: dict[str, Any], batch: Any) -> Any:
        traced.append(1)
        return xp.sum(batch * params["w"] ** 2) / 2

    recipe = Recipe(2, 0.1, momentum=0.9)
    training = double.descent(loss, recipe, double.asarray({"w": np.array([1.0, 2.0]), "unused": np.ones(3)}))
    batch = double.asarray(np.array([1.0, 3.0]))
    w, v = np.array([1.0, 2.0]), np.zeros(2)
    for rate in (0.1, 0.05):
        value = training.step(batch, rate)
        assert float(value) == pytest.approx(float((np.array([1.0, 3.0]) * w**2).sum() / 2))
        v = 0.9 * v + np.array([1.0, 3.0]) * w
        w = w - rate * v
    np.testing.assert_allclose(training.params["w"], w, rtol=1e-14)
    assert np.array_equal(training.params["unused"], np.ones(3))
    assert len(traced) == 1


def test_counts(double: TensorflowAdapter) -> None:
    """A loop in a graph, traced once, is counted as often as it runs: evaluations, products and times."""
    counts = Counts()
    field = double.counted(lambda t, y, p: {"x": p["a"] * y["x"] * t}, counts)

    def loss(params: dict[str, Any], n: Any) -> Any:
        def body(i: Any, x: Any) -> Any:
            return i + 1, field(tf.cast(i, tf.float64), {"x": x}, params)["x"]

        return tf.while_loop(lambda i, x: i < n, body, (tf.constant(1), params["x"]))[1]

    run, params = double.value_and_grad(loss), double.asarray({"a": np.array(2.0), "x": np.array(3.0)})
    for n in (3, 5):
        counts.clear()
        value, grads = run(params, tf.constant(n))
        assert counts == Counts(f=n - 1, vjp=n - 1, earliest=1.0, latest=n - 1.0)
        power, factorial = 2.0 ** (n - 1), float(np.prod(np.arange(1, n)))
        assert float(value) == pytest.approx(3 * power * factorial)
        assert float(grads["a"]) == pytest.approx(3 * (n - 1) * power / 2 * factorial)
    counts.clear()
    double.prepare(loss, params, tf.constant(2))
    assert counts == Counts()


def test_bare_cost(double: TensorflowAdapter) -> None:
    """A larger f costs more, and its product costs something, too; there is no memory to tell."""
    w = double.asarray({"w": np.eye(300) / 2})
    costs = [
        double.bare_cost(lambda t, y, p: t * y @ p["w"], 0.5, double.asarray(np.ones((rows, 300))), w, 0.02)
        for rows in (1, 300)
    ]
    assert 0 < costs[0][0] < costs[1][0]
    assert costs[1][1] > costs[1][0]
    assert double.memory(lambda p, b: xp.sum(p["w"]), w, None) == double.device_peak() == {}
    assert double.environment()["tensorflow"] == tf.__version__


def test_namespace() -> None:
    """Each function is NumPy's of the same name, on the axes that tasks use."""
    x = np.linspace(0.1, 0.9, 6).reshape(2, 3)
    for name in ("cos", "cosh", "exp", "log", "sin", "sinh", "sqrt", "tan", "tanh"):
        np.testing.assert_allclose(getattr(xp, name)(tf.constant(x)), getattr(np, name)(x), rtol=1e-14)
    for axis in (0, -1):
        for name, reference in (("concat", np.concatenate), ("stack", np.stack)):
            np.testing.assert_array_equal(
                getattr(xp, name)([tf.constant(x), x + 1], axis=axis), reference([x, x + 1], axis)
            )
        np.testing.assert_allclose(xp.sum(tf.constant(x), axis=axis), x.sum(axis), rtol=1e-15)
    assert float(xp.sum(tf.constant(x))) == pytest.approx(x.sum())
    assert xp.reshape(tf.constant(x), (3, 2)).shape == (3, 2)

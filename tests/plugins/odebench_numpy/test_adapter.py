"""The numpy adapter measures what it says: exact counts, all bytes, plain SGD, gradients as torch's."""

from __future__ import annotations

import tracemalloc
from typing import Any

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
import torch

from odebench.adapter import Counts
from odebench.contract import Unsupported
from odebench_numpy.adapter import NumpyAdapter
from odebench_torch.adapter import TorchAdapter

TREE = {"a": np.array([1.5, -2.25]), "b": {"c": np.arange(6, dtype=np.float32).reshape(2, 3)}, "n": np.array([1, 2])}


@pytest.fixture(params=["float32", "float64"])
def adapter(request: pytest.FixtureRequest) -> NumpyAdapter:
    return NumpyAdapter("cpu", request.param)


@pytest.fixture
def double() -> NumpyAdapter:
    return NumpyAdapter("cpu", "float64")


def test_arrays_survive_the_trip(adapter: NumpyAdapter) -> None:
    """Structure, shapes and values; floating ones in the adapter's dtype and copied, integers as they were."""
    there = adapter.asarray(TREE)
    assert there["a"].dtype == there["b"]["c"].dtype == adapter.dtype
    assert not any(np.shares_memory(there["a"], x) for x in (TREE["a"], TREE["b"]["c"]))
    assert there["n"].dtype == np.int64
    back = adapter.numpy(there)
    np.testing.assert_equal(back, TREE)
    assert [leaf.shape for leaf in adapter.leaves(there)] == [(2,), (2, 3), (2,)]
    assert not any(leaf.any() for leaf in adapter.leaves(adapter.zeros_like(there)))


@pytest.mark.parametrize(("device", "dtype", "word"), [("cuda", "float64", "cuda"), ("cpu", "bfloat16", "bfloat16")])
def test_what_numpy_has_not(device: str, dtype: str, word: str) -> None:
    """A device or a dtype is refused by name, with what there is."""
    with pytest.raises(Unsupported, match=rf"{word}.*valid: (cpu|float32, float64)"):
        NumpyAdapter(device, dtype)


def loss(xp: Any) -> Any:
    """A small network's, with a branch, a slice and a reduction."""

    def value(params: Any, batch: Any) -> Any:
        h = xp.tanh(batch["x"] @ params["w"] + params["b"])
        return ((h[:, :2] * params["s"] - batch["y"]) ** 2).mean() + xp.exp(-h).sum() / 50

    return value


def problem() -> tuple[dict[str, Any], dict[str, Any]]:
    rng = np.random.default_rng(3)
    params = {"w": rng.normal(size=(3, 4)), "b": rng.normal(size=4), "s": np.array(0.7), "unused": np.ones((2, 2))}
    return params, {"x": rng.normal(size=(5, 3)), "y": rng.normal(size=(5, 2))}


def test_gradients_are_torchs(adapter: NumpyAdapter) -> None:
    """To rounding, in the adapter's dtype, with zeros for what is not used."""
    other = TorchAdapter("cpu", str(adapter.dtype))
    results = []
    for each, xp in ((adapter, anp), (other, torch)):
        value, grads = each.value_and_grad(loss(xp))(*each.asarray(problem()))
        results.append((each.numpy(value), each.numpy(grads)))
    (value, grads), (expected, torch_grads) = results
    rtol = 100 * np.finfo(adapter.dtype).eps
    np.testing.assert_allclose(value, expected, rtol=rtol)
    assert value.shape == ()
    for name, g in grads.items():
        np.testing.assert_allclose(g, torch_grads[name], rtol=rtol, atol=rtol)
        assert (g.dtype, g.shape) == (adapter.dtype, torch_grads[name].shape)
    assert not grads["unused"].any()


def test_gradients_are_the_slopes(double: NumpyAdapter) -> None:
    """Central differences of the loss itself, along every parameter."""
    params, batch = problem()
    _, grads = double.value_and_grad(loss(anp))(params, batch)
    h = 1e-6
    for name, p in params.items():
        for i in np.ndindex(p.shape):
            moved = [params | {name: np.where(np.arange(p.size).reshape(p.shape) == np.ravel_multi_index(i, p.shape)
                     if p.shape else True, p + by, p)} for by in (h, -h)]  # fmt: skip
            above, below = (loss(np)(each, batch) for each in moved)
            assert grads[name][i] == pytest.approx((above - below) / (2 * h), abs=1e-8)


def test_a_loss_of_no_parameters_or_many_numbers(double: NumpyAdapter) -> None:
    """The one has gradient zero; the other is refused."""
    value, grads = double.value_and_grad(lambda p, x: np.sum(x))({"w": np.ones(2)}, np.ones(3))
    assert (value, grads["w"].tolist()) == (3, [0, 0])
    with pytest.raises(ValueError, match=r"one number, got shape \(2,\)"):
        double.value_and_grad(lambda p, x: p["w"] * x)({"w": np.ones(2)}, np.ones(2))


def test_forward_and_prepare_leave_a_function_as_it_is(double: NumpyAdapter) -> None:
    """Nothing is compiled here."""
    assert double.forward(len) is len
    assert double.prepare(len, ()) is len


def test_counts(double: NumpyAdapter) -> None:
    """Three evaluations, of which the loss depends on two: two VJPs; and the times that they were at."""
    counts = Counts()
    f = double.counted(lambda t, y, p: -p["k"] * p["m"] * y * t, counts)

    def loss(p: Any, y: Any) -> Any:
        f(0.5, y, p)
        return anp.sum(f(1.0, f(2.0, y, p), p))

    params, y = {"k": np.array([2.0]), "m": np.array([3.0])}, np.array([1.0, 2.0])
    _, grads = double.value_and_grad(loss)(params, y)
    double.flush()
    assert counts == Counts(f=3, vjp=2, earliest=0.5, latest=2.0)
    assert grads["k"] == 2 * 2.0 * 9.0 * 3.0 * 2.0
    double.forward(loss)(params, y)
    assert (counts.f, counts.vjp) == (6, 2)


def test_counting_changes_no_value(double: NumpyAdapter) -> None:
    """Of a tree, of which a part is not differentiated; several VJPs through one evaluation; a time that is traced."""
    counts = Counts()
    f = double.counted(lambda t, y: {"a": y["a"] * y["b"], "b": y["a"] * t, "c": np.ones((2, 2))}, counts)

    def loss(y: Any) -> Any:
        dy = f(y["t"], y)
        assert dy["c"].tolist() == [[1, 1], [1, 1]]
        return anp.sum(dy["a"]) * 3 + anp.sum(dy["b"])

    y = {"a": np.array([2.0, 1.0]), "b": np.array([5.0, 4.0]), "t": np.array(3.0)}
    pull, value = autograd.make_vjp(loss)(y)
    assert value == 3 * 14 + 9
    for _ in range(2):
        grads = pull(1.0)
        assert (grads["a"].tolist(), grads["b"].tolist(), grads["t"]) == ([18, 15], [6, 3], 3)
    assert counts == Counts(f=1, vjp=2, earliest=3.0, latest=3.0)


def test_tangents_count_too(double: NumpyAdapter) -> None:
    """One Jacobian–vector product in forward mode."""
    counts = Counts()
    f = double.counted(lambda t, y: y * y * t, counts)
    value, tangent = autograd.make_jvp(lambda y: f(2.0, y))(np.array([3.0]))(np.array([1.0]))
    assert (value, tangent, counts.jvp, counts.vjp) == (18, 12, 1, 0)


def test_memory_of_a_known_function(double: NumpyAdapter) -> None:
    """``exp(2p)`` keeps its value; when it is pulled, there are its cotangent and the product's besides.

    Autograd's nodes come on top, a few kilobytes, whatever the size; the second time it is the same.
    """

    def measured(size: int) -> dict[str, float]:
        return double.memory(lambda p, _: anp.sum(anp.exp(p["p"] * 2)), {"p": np.ones(size)}, None)

    measured(1)
    small, large = measured(1000), measured(101_000)
    n = 8 * 100_000
    assert large["kept_bytes"] - small["kept_bytes"] == pytest.approx(n, abs=1000)
    assert large["memory_bytes"] - small["memory_bytes"] == pytest.approx(3 * n, abs=2000)
    assert 0 < small["kept_bytes"] - 8000 < 20_000
    assert measured(101_000)["memory_bytes"] == pytest.approx(large["memory_bytes"], abs=2000)


def test_memory_is_measured_by_one_at_a_time(double: NumpyAdapter) -> None:
    """Somebody's own tracing is neither read nor stopped; and ours is stopped."""
    assert not tracemalloc.is_tracing()
    tracemalloc.start()
    try:
        with pytest.raises(RuntimeError, match="tracemalloc"):
            double.memory(lambda p, _: p["p"] * 2, {"p": np.ones(1)}, None)
        assert tracemalloc.is_tracing()
    finally:
        tracemalloc.stop()
    double.memory(lambda p, _: anp.sum(p["p"]), {"p": np.ones(1)}, None)
    assert not tracemalloc.is_tracing()


def test_times(double: NumpyAdapter) -> None:
    """A call is timed once, without a warm-up; bare costs are positive, and of dynamics that use nothing as well."""
    calls = []
    assert double.elapsed(lambda: calls.append(1)) > 0
    assert calls == [1]
    for f in (lambda t, y, p: -p["k"] * y, lambda t, y, p: np.ones_like(y)):
        c_f, c_fv = double.bare_cost(f, 0.5, np.array([1.0, 2.0]), {"k": np.array([1.0])}, 0.001)
        assert c_f > 0
        assert c_fv > 0


def test_environment_and_devices() -> None:
    """What a number may depend on; there is the CPU alone."""
    assert NumpyAdapter.devices() == ["cpu"]
    found = NumpyAdapter.environment()
    assert found["numpy"] == np.__version__
    assert {"autograd", "blas", "omp_num_threads"} <= set(found)

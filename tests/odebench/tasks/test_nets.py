"""Small nets: their parameters' names, shapes and law, and their functions against matrices by hand."""

from __future__ import annotations

import numpy as np
import pytest

from odebench.tasks import namespace
from odebench.tasks.nets import float32, linear, linear_parameters, mlp, mlp_parameters, under
from odebench_jax.adapter import JaxAdapter
from odebench_torch.adapter import TorchAdapter

SIZES = (3, 5, 4, 2)


def rng():
    return np.random.default_rng(1)


def by_hand(params, name, x, layers):
    for i in range(layers):
        x = x @ params[f"{name}.{i}.weight"].T + params[f"{name}.{i}.bias"]
        x = np.tanh(x) if i + 1 < layers else x
    return x


def test_parameters():
    """A weight (out, in) and a bias (out,) a layer; their number; uniform on ±1/√(fan in), each drawn for itself."""
    params = mlp_parameters(rng(), "f", SIZES)
    assert {name: p.shape for name, p in params.items()} == {
        "f.0.weight": (5, 3), "f.0.bias": (5,), "f.1.weight": (4, 5), "f.1.bias": (4,),
        "f.2.weight": (2, 4), "f.2.bias": (2,),
    }  # fmt: skip
    assert sum(p.size for p in params.values()) == 4 * 5 + 6 * 4 + 5 * 2
    wide = linear_parameters(rng(), "w", 100, 100)
    assert 0.099 < np.abs(wide["w.weight"]).max() <= 0.1
    assert wide["w.weight"].std() == pytest.approx(0.1 / np.sqrt(3), rel=0.02)
    assert np.unique(wide["w.weight"]).size == 10_000
    assert list(linear_parameters(rng(), "w", 2, 3, bias=False)) == ["w.weight"]


@pytest.mark.parametrize(("name", "adapter"), [("torch", TorchAdapter), ("jax", JaxAdapter)])
@pytest.mark.parametrize("shape", [(3,), (7, 3), (2, 7, 3)])
def test_mlp_by_hand(name, adapter, shape):
    """Of one vector, a batch and a batch of series, in both frameworks; no activation after the last layer."""
    made, xp = adapter("cpu", "float64"), namespace(name)
    made.activate()
    params, x = mlp_parameters(rng(), "f", SIZES), rng().standard_normal(shape)
    found = made.numpy(mlp(made.asarray(params), "f", made.asarray(x), xp.tanh))
    np.testing.assert_allclose(found, by_hand(params, "f", x, 3), rtol=1e-13)


def test_a_layer_without_a_bias():
    """Is a product alone."""
    params = linear_parameters(rng(), "w", 3, 2, bias=False)
    np.testing.assert_array_equal(linear(params, "w", np.ones(3)), params["w.weight"].sum(1))


@pytest.mark.parametrize("others", ["f.1x", "f.gate", "f.10", "f1", "g.f", "f.0.inner", "f.3.inner"])
def test_layers_are_not_confused_with_other_parts(others):
    """Of a net that has parts within it, or a name that begins like it or a number that does."""
    params = mlp_parameters(rng(), "f", SIZES)
    expected = mlp(params, "f", np.ones(3), np.tanh)
    more = params | linear_parameters(rng(), others, 2, 9) | mlp_parameters(rng(), others, (2, 6, 7))
    np.testing.assert_array_equal(mlp(more, "f", np.ones(3), np.tanh), expected)


def test_more_than_ten_layers():
    """In the order of their numbers."""
    params = mlp_parameters(rng(), "f", [2] * 13)
    np.testing.assert_allclose(mlp(params, "f", np.ones(2), np.tanh), by_hand(params, "f", np.ones(2), 12), rtol=1e-14)


def test_a_net_that_is_not_there():
    """Is no identity."""
    with pytest.raises(KeyError, match=r"g\.0\.weight"):
        mlp(mlp_parameters(rng(), "f", SIZES), "g", np.ones(3), np.tanh)


def test_parts():
    """By whole names: ``f.1`` is no part of ``f.10``, and ``f`` none of ``f1``."""
    names = ("f.1.weight", "f.10.weight", "f1.weight", "g.weight", "f")
    params = dict.fromkeys(names)
    assert list(under(params, "f")) == ["f.1.weight", "f.10.weight"]
    assert list(under(params, "f.1")) == ["f.1.weight"]
    assert list(under(params, "f1", "g")) == ["f1.weight", "g.weight"]


def test_float32():
    """As tasks hand them out; numbers become arrays."""
    found = float32({"a": np.ones(2), "b": 3})
    assert {name: (p.dtype, p.shape) for name, p in found.items()} == {"a": (np.float32, (2,)), "b": (np.float32, ())}

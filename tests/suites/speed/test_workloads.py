"""The workloads: all rivals differentiate one function, and options mean what they say."""

from pathlib import Path

import numpy as np
import pytest

from odebench.errors import UserError
from odebench.measure.session import Session
from odebench.plan import Selection, plan
from odebench.registry import load_registry
from odebench.suite import Suite
from suites.mnist import parameters as mnist

SUITE = Path(__file__).parents[3] / "suites" / "speed"
TORCH = (
    "torch/dopri5/backprop", "torch/dopri5/adjoint", "torch/dopri5/seminorm", "torch/dopri5/aca",
    "torch/dopri5/checkpoint", "torch/dopri5/interpolated", "torchdiffeq/dopri5/backprop", "torchdiffeq/dopri5/adjoint",
    "torchdiffeq/dopri5/seminorm", "torchode/dopri5/autodiff", "torchode/dopri5/joint_backsolve",
)  # fmt: skip
JAX = (
    "jax/dopri5/backprop", "jax/dopri5/adjoint", "diffrax/dopri5/recursive_checkpoint", "diffrax/dopri5/backsolve",
    "jax-ode/dopri5/adjoint",
)  # fmt: skip


@pytest.fixture(scope="module")
def registry():
    return load_registry(suites=[SUITE], strict=True)


@pytest.fixture(scope="module")
def gradient_of(registry):
    """The gradient (NumPy, by name) of a task by a backend, in float64."""

    def gradient(task, backend, equal_steps=(), **options):
        matrix = {
            "tasks": [task],
            "backends": [backend],
            "tolerances": [{"rtol": 1e-9, "atol": 1e-11}],
            "equal_steps": list(equal_steps),
            "dtypes": ["float64"],
            "options": options,
            "solve": {"max_steps": 512},
        }
        suite = Suite.model_validate({"title": "", "default_preset": "p", "presets": {"p": {}}, "matrix": [matrix]})
        (cell,) = plan("made", suite, suite.presets["p"], registry, Selection())
        session = Session(cell, registry)
        _, grads = session.value_and_grad(session.params, session.probe)
        return session.adapter.numpy(grads)

    return gradient


@pytest.fixture(scope="module")
def truth(gradient_of):
    return gradient_of("speed/spiral", "torch/dopri8/backprop", **SPIRAL)


SPIRAL = {"batch": 3, "hidden": 8, "outputs": 4}


@pytest.mark.parametrize("backend", TORCH + JAX)
def test_rivals_have_one_gradient(gradient_of, truth, backend):
    """On the spiral, with respect to y0 and each parameter, at a tolerance of 1e-9: to 1e-6."""
    found = gradient_of("speed/spiral", backend, **SPIRAL)
    assert set(found) == set(truth) == {"y0", "net.0.weight", "net.0.bias", "net.1.weight", "net.1.bias"}
    for name, expected in truth.items():
        assert np.linalg.norm(found[name] - expected) < 1e-6 * np.linalg.norm(expected), name


@pytest.mark.parametrize("task", ["speed/conv", "speed/mlp"])
def test_two_frameworks_see_one_function(gradient_of, task):
    """Two equal steps, in float64: the same gradient from the same arrays, whatever order a framework has images in."""
    torch, jax = (gradient_of(task, f"{name}/rk4/backprop", (2,), batch=2) for name in ("torch", "jax"))
    assert set(torch) == set(jax)
    for name, expected in torch.items():
        assert torch[name].shape == jax[name].shape
        assert np.linalg.norm(jax[name] - expected) < 1e-10 * np.linalg.norm(expected), name


def test_the_conv_block_is_that_of_mnist(registry):
    """Its function is suites/mnist's own, with the block's parameters alone, and a state of its shape."""
    made = registry.tasks["speed/conv"].load()("torch", seed=0, batch=3)
    whole = mnist.initial("odenet", "conv", np.random.default_rng(0))
    block = {name: p.shape for name, p in whole.items() if name.startswith("ode.")}
    assert {name: p.shape for name, p in made.params.items()} == block | {"y0": (3, 64, 6, 6)}


@pytest.mark.parametrize(
    ("name", "option", "value", "message"),
    [
        ("spiral", "batch", 0, "batch must be a whole number of at least 1, got 0"),
        ("spiral", "hidden", 1.5, "hidden must be a whole number of at least 1, got 1.5"),
        ("mlp", "state", True, "state must be a whole number of at least 1, got True"),
        ("mlp", "outputs", 1, "outputs must be a whole number of at least 2, got 1"),
        ("conv", "batch", "many", "batch must be a whole number of at least 1, got 'many'"),
        ("conv", "end", 0.0, "end must be positive and finite, got 0.0"),
    ],
)
def test_an_option_out_of_range_is_named(registry, name, option, value, message):
    """With what it must be and what it was."""
    with pytest.raises(UserError) as error:
        registry.tasks[f"speed/{name}"].load()("torch", seed=0, **{option: value})
    assert str(error.value) == f"speed: {message}"


def test_what_is_drawn(registry):
    """From the seed alone: the same in both frameworks, and another for another seed; the sizes are those asked for."""
    make = registry.tasks["speed/mlp"].load()
    one, same, other = make("torch", seed=1), make("jax", seed=1), make("torch", seed=2)
    np.testing.assert_equal(one.params, same.params)
    assert not np.array_equal(one.params["y0"], other.params["y0"])
    assert one.params["y0"].shape == (256, 64)
    assert one.params["net.0.weight"].shape == (128, 64)
    np.testing.assert_allclose(make("torch", seed=1, outputs=3, end=2.0).probe()["ts"], [0, 1, 2])

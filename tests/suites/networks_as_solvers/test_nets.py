"""The nets by themselves, in NumPy or in both frameworks: what they are as formulas."""

from functools import cache
from pathlib import Path

import jax
import numpy as np
import pytest
import torch

import odebench
from odebench.errors import UserError
from odebench.registry import load_registry
from odebench.tasks import namespace
from odebench_torch.adapter import TorchAdapter
from suites import networks_as_solvers
from suites.networks_as_solvers import nets, task
from suites.networks_as_solvers.fields import FIELDS, D, parameters

NUMPY = namespace("numpy")


def no_ode(f, y0, ts, params=None):
    raise AssertionError("a net has no ODE in it")


def block(net, field, h, x, params=None):
    """One block in NumPy."""
    params = parameters(field, np.random.default_rng(0)) if params is None else params
    return nets.NETS[net].block(params, h, x, lambda x: FIELDS[field](params, x, NUMPY), NUMPY)


@cache
def states():
    return np.random.default_rng(1).standard_normal((3, D))


def test_the_harness_finds_every_net():
    """Every task is made under its name in both frameworks, and one alone has an ODE."""
    registry = load_registry(suites=[Path(networks_as_solvers.__file__).parent], strict=True)
    found = {name: entry for name, entry in registry.tasks.items() if name.startswith("networks_as_solvers/")}
    assert {name.partition("/")[2] for name in found} == {*nets.NETS, "ode", "products", "depth"}
    assert [name for name, entry in found.items() if entry.ode] == ["networks_as_solvers/ode"]
    for entry in found.values():
        assert entry.load()("jax", seed=0).params


def test_polynet_truncates_the_neumann_series():
    """(I − hA)⁻¹ = I + hA + h²A² + …: what a block leaves of it is h³A³ (I − hA)⁻¹ x, exactly."""
    h, a = 0.1, parameters("linear", np.random.default_rng(0))["field.a"]
    whole = np.linalg.solve(np.eye(D) - h * a, states().T).T
    rest = whole @ np.linalg.matrix_power(h * a, 3).T
    np.testing.assert_allclose(block("polynet", "linear", h, states()), whole - rest, rtol=1e-12)
    np.testing.assert_allclose(block("fixed_point", "linear", h, states()), whole - rest, rtol=1e-12)


def test_dense_kernels_are_one_by_one_convolutions():
    """A dense block with them is torch's Conv2d of 1 × 1 on images of one pixel, layer by layer."""
    kernels, params, h = nets.dense_kernels(0.25), parameters("mlp", np.random.default_rng(0)), 0.25
    features = torch.tensor(states())[:, :, None, None]

    def convolved(name):
        return torch.nn.functional.conv2d(features, torch.tensor(kernels[name])[:, :, None, None])

    for i in range(4):
        inner = FIELDS["mlp"](params, convolved(f"mix.{i}")[:, :, 0, 0].numpy(), NUMPY)
        features = torch.cat([features, torch.tensor(inner)[:, :, None, None]], 1)
    ours = block("densenet", "mlp", h, states(), params | kernels)
    np.testing.assert_allclose(ours, convolved("mix.out")[:, :, 0, 0].numpy(), rtol=1e-13)


def test_a_revnet_is_leapfrog():
    """Half a step of F, then blocks with F and G in turn: x₁ at half steps and x₂ at whole ones. Both half steps of x₁
    around each whole one of x₂ are Störmer and Verlet's method, whose states the two share."""
    h, params = 0.1, parameters("hamiltonian", np.random.default_rng(0))

    def f(x):
        return nets.branch_f(params, x, NUMPY)

    def g(x):
        return nets.branch_g(params, x, NUMPY)

    x1, x2 = states()[:, :2], states()[:, 2:]
    # A block ends with G; one that begins half a step of F late leaves x₁ at half steps.
    staggered = np.concatenate([x1 - h / 2 * f(x2), x2], axis=1)
    for _ in range(5):
        half = x1 + h / 2 * f(x2)
        x2 = x2 + h * g(half)
        x1 = half + h / 2 * f(x2)
        staggered = block("revnet", "hamiltonian", h, staggered, params)
    np.testing.assert_allclose(staggered, np.concatenate([half, x2], axis=1), rtol=1e-12)


def test_a_residual_net_is_trained_as_euler_is():
    """Backprop through the blocks is the gradient that the solver's backprop gives: to the last bits."""
    adapter = TorchAdapter("cpu", "float64")
    made = {
        name: make("torch", seed=0, blocks=16)
        for name, make in (("net", task.make_tied_resnet), ("ode", task.make_ode))
    }
    odeints = {"net": no_ode, "ode": odebench.backend("torch/euler/backprop", num_steps=16).odeint}
    grads = {}
    for name, row in made.items():
        run = adapter.value_and_grad(lambda p, b, row=row, name=name: row.loss(p, b, odeints[name]))
        grads[name] = run(adapter.asarray(row.params), adapter.asarray(row.probe()))[1]
    for name, gradient in grads["net"].items():
        torch.testing.assert_close(gradient, grads["ode"][name], rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_parts_them_is_the_rounding_of_the_steps(dtype):
    """With L = 10 the solver's are differences of its times. A net with those steps has the solver's very bits."""
    row, times = task.make_ode("torch", seed=0, blocks=10), np.arange(11) * (1.0 / 10)
    params = {k: torch.tensor(p.astype(dtype)) for k, p in row.params.items()}
    batch = {k: torch.tensor(v.astype(dtype)) for k, v in row.probe().items()}
    odeint = odebench.backend("torch/euler/backprop", num_steps=10).odeint
    net = {"x": batch["x"], "steps": torch.tensor(np.diff(times).astype(dtype))}
    assert torch.equal(row.predict(params, net, no_ode), row.predict(params, batch, odeint))


def test_frameworks_make_the_same_of_a_net():
    """Every net's prediction, in float64."""
    with jax.enable_x64(True):
        for net in nets.NETS:
            found = []
            for framework, array in (("torch", torch.tensor), ("jax", jax.numpy.asarray)):
                row = task.NetTask(net, False, framework, seed=0, blocks=2)
                params, batch = ({k: array(v) for k, v in tree.items()} for tree in (row.params, row.probe()))
                found.append(np.asarray(row.predict(params, batch, no_ode)))
            np.testing.assert_allclose(*found, rtol=1e-12, err_msg=net)


@pytest.mark.parametrize(
    ("net", "option"),
    [
        ("tied_resnet", {"field": "cubic"}),
        ("polynet", {"blocks": 0}),
        ("revnet", {"field": "mlp"}),
        ("revnet", {"end": 0}),
    ],
)
def test_options_out_of_range_are_refused(net, option):
    """The message names the option."""
    with pytest.raises(UserError, match=f"networks_as_solvers: {next(iter(option))}"):
        task.NetTask(net, False, "torch", seed=0, **option)

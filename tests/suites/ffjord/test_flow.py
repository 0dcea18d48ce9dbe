"""Flows: densities against the change of variables, and the same numbers in both frameworks."""

import numpy as np
import pytest
import torch

import odebench
from odebench.tasks import namespace
from suites.ffjord.flow import Flow, initial
from suites.ffjord.toy import ToyTask


@pytest.fixture(scope="module")
def params():
    """Of a flow that is far from the identity."""
    found = initial(np.random.default_rng(3), [2, 16, 16, 2])
    found["field.2.weight"] *= 3
    return {name: torch.tensor(p) for name, p in found.items()} | {"flow.root_end": torch.tensor(1.0).double()}


def solver(tolerance):
    return odebench.backend("torch/dopri5/backprop", rtol=tolerance, atol=tolerance).odeint


def test_change_of_variables(params):
    """log p of a sample is log N(z) − log |det dx/dz| with torch's Jacobian of the sampling solve: an independent way
    to the density, to 1e-7 at a tolerance of 1e-9."""
    flow, odeint = Flow(namespace("torch")), solver(1e-9)
    z = torch.tensor(np.random.default_rng(0).standard_normal((3, 2)))
    x = flow.sample(params, z, odeint)
    found = flow.log_density(params, x, None, odeint)
    for i in range(3):
        jacobian = torch.autograd.functional.jacobian(lambda p: flow.sample(params, p[None], odeint)[0], z[i])
        expected = flow.log_normal(z[i : i + 1])[0] - torch.linalg.slogdet(jacobian)[1]
        assert abs(float(found[i] - expected)) < 1e-7
    assert float((x - z).norm(dim=1).min()) > 0.1


def test_integrates_to_one(params):
    """The density sums to one over a grid that resolves it, to the order of the tolerance, at two of them; a loose
    tolerance leaves a larger error than a tight one."""
    flow, edge, span = Flow(namespace("torch")), 60, 9.0
    side = span * ((2 * np.arange(edge) + 1) / edge - 1)
    grid = torch.tensor(np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2))
    errors = {}
    for tolerance in (1e-2, 1e-5):
        density = torch.exp(flow.log_density(params, grid, None, solver(tolerance)))
        errors[tolerance] = abs(float(density.sum()) * (2 * span / edge) ** 2 - 1)
        assert errors[tolerance] < 10 * tolerance
    assert errors[1e-5] < errors[1e-2]


@pytest.mark.parametrize("trace", ["exact", "rademacher"])
def test_frameworks_agree(adapter, midpoint, trace):
    """Loss and gradient of every parameter, T among them, are the same in torch and JAX to 1e-10, by either trace."""
    values, grads = {}, {}
    for framework in ("torch", "jax"):
        task, made = ToyTask(framework, seed=2, trace=trace, batch_size=5), adapter(framework)
        odeint = midpoint(2)
        value_and_grad = made.value_and_grad(lambda p, b, task=task, odeint=odeint: task.loss(p, b, odeint))
        values[framework], grads[framework] = made.numpy(
            value_and_grad(made.asarray(task.params), made.asarray(task.batch(0)))
        )
    assert values["torch"] == pytest.approx(values["jax"], rel=1e-12)
    for name, grad in grads["torch"].items():
        np.testing.assert_allclose(grad, grads["jax"][name], rtol=1e-9, atol=1e-11, err_msg=name)
        assert np.any(grad), name


@pytest.mark.parametrize("gradient", ["adjoint", "aca", "interpolated"])
def test_gradient_methods_agree(adapter, gradient):
    """Methods that solve backwards give backprop's gradient, though ε is a constant that the field captures."""
    made, task = adapter("torch"), ToyTask("torch", seed=1, batch_size=4)
    grads = []
    for method in ("backprop", gradient):
        odeint = odebench.backend(f"torch/dopri5/{method}", rtol=1e-8, atol=1e-10).odeint
        value_and_grad = made.value_and_grad(lambda p, b, odeint=odeint: task.loss(p, b, odeint))
        _, grad = value_and_grad(made.asarray(task.params), made.asarray(task.probe()))
        grads.append(np.concatenate([np.ravel(g) for g in made.numpy(grad).values()]))
    assert np.linalg.norm(grads[1] - grads[0]) < 1e-5 * np.linalg.norm(grads[0])


def test_hutchinson_is_unbiased_for_densities(params):
    """E over ε of the estimate of log p is log p by the exact trace: within three standard errors over 2,000 solves."""
    flow, odeint = Flow(namespace("torch")), solver(1e-5)
    x = torch.tensor([[0.4, -0.3]]).double()
    exact = float(flow.log_density(params, x, None, odeint))
    eps = torch.tensor(np.random.default_rng(5).standard_normal((2000, 2)))
    estimates = flow.log_density(params, x.expand(2000, 2), eps, odeint)
    error = float(estimates.std()) / 2000**0.5
    assert abs(float(estimates.mean()) - exact) < 3 * error
    assert error < 0.1

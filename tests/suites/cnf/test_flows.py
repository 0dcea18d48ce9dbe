"""The flows: frameworks held to each other, changes of density to Jacobians, and what holds of some bit for bit."""

import numpy as np
import pytest
import torch

import odebench
from odebench.errors import UserError
from odebench_jax.adapter import JaxAdapter
from odebench_torch.adapter import TorchAdapter
from suites.cnf import tasks
from suites.cnf.continuous import ContinuousFlow
from suites.cnf.planar import PlanarFlow

ADAPTERS = {"torch": TorchAdapter, "jax": JaxAdapter}
EXACT = odebench.backend("torch/dopri8/backprop", rtol=1e-11, atol=1e-11).odeint


@pytest.fixture(autouse=True)
def _float64():
    yield
    JaxAdapter("cpu", "float32").activate()


def tensors(arrays):
    return {name: torch.tensor(array, dtype=torch.float64) for name, array in arrays.items()}


def lively(flow, seed=0, factor=3.0):
    """Parameters of a continuous flow that moves points about."""
    params = tensors(flow.parameters(np.random.default_rng(seed)))
    return {name: p * factor if name.startswith("hyper.2") else p for name, p in params.items()}


def jacobian(flow, params, z, span, odeint):
    """∂z′/∂z (N, 2, 2) by automatic differentiation of the whole flow."""
    z = z.clone().requires_grad_()
    moved, _ = flow.transport(params, tensors(flow.batch(z.detach().numpy(), *span)) | {"z": z}, odeint)
    rows = [torch.autograd.grad(moved[:, i].sum(), z, retain_graph=True)[0] for i in range(2)]
    return torch.stack(rows, 1)


@pytest.mark.parametrize(
    ("make", "options"),
    [
        (tasks.make_match, {"target": "u1"}),
        (tasks.make_two_moons, {"form": "public", "end": 10.0, "variance": 0.1}),
        (tasks.make_match_planar, {"target": "u3"}),
    ],
    ids=["match", "fit", "planar"],
)
def test_frameworks_agree(make, options):
    """Loss and gradients of PyTorch and JAX in float64, from the same parameters and the same batch."""
    found = {}
    for framework, adapter in ADAPTERS.items():
        here = adapter("cpu", "float64")
        here.activate()
        task = make(framework, seed=1, size=4, batch_size=32, **options)
        odeint = odebench.backend(f"{framework}/rk4/backprop", num_steps=4).odeint
        gradient = here.value_and_grad(lambda p, batch, task=task, odeint=odeint: task.loss(p, batch, odeint))
        found[framework] = here.numpy(gradient(here.asarray(task.params), here.asarray(task.batch(3))))
    (loss, grads), (other, others) = found.values()
    assert loss == pytest.approx(float(other), rel=1e-10)
    assert any(np.abs(g).max() > 1e-3 for g in grads.values())
    for name, grad in grads.items():
        np.testing.assert_allclose(grad, others[name], rtol=1e-8, atol=1e-10, err_msg=name)


def test_gradient_methods_apply():
    """Methods that solve backwards give the gradient that backprop gives, of a state that is a tuple."""
    adapter = TorchAdapter("cpu", "float64")
    adapter.activate()
    task = tasks.make_match("torch", seed=0, size=2, batch_size=4)
    params, batch = adapter.asarray(task.params), adapter.asarray(task.batch(0))
    found = {}
    for method in ("backprop", "adjoint", "aca", "interpolated"):
        odeint = odebench.backend(f"torch/dopri5/{method}", rtol=1e-6, atol=1e-6).odeint
        loss = adapter.value_and_grad(lambda p, batch, odeint=odeint: task.loss(p, batch, odeint))
        found[method] = adapter.numpy(loss(params, batch)[1])
    for method, grads in found.items():
        for name, grad in grads.items():
            np.testing.assert_allclose(grad, found["backprop"][name], rtol=1e-3, atol=1e-4, err_msg=f"{method} {name}")


@pytest.mark.parametrize("form", ["sum", "public", "hamiltonian"])
@pytest.mark.parametrize("span", [(0.0, 1.0), (1.0, 0.0)], ids=["forwards", "backwards"])
def test_instantaneous_change_of_variables(form, span):
    """The change of log-density that is solved for is −log|det ∂z′/∂z| of the flow, either way; eq. 10 of the paper,
    without its minus, would give the opposite sign."""
    flow = ContinuousFlow("torch", 4, form)
    params = lively(flow, factor=12.0 if form == "public" else 4.0)
    z = torch.randn(16, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    _, change = flow.transport(params, tensors(flow.batch(z.numpy(), *span)), EXACT)
    wanted = -torch.linalg.slogdet(jacobian(flow, params, z, span, EXACT)).logabsdet
    assert torch.allclose(change, wanted, atol=1e-8)
    assert (wanted.abs().max() > 0.1) == (form != "hamiltonian")


def test_trace_is_that_of_the_jacobian_of_the_dynamics():
    """The closed form against automatic differentiation of dz/dt, at one time."""
    flow = ContinuousFlow("torch", 5)
    params, t = lively(flow), torch.tensor(0.3, dtype=torch.float64)
    for point in torch.randn(4, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64):
        field = torch.func.jacrev(lambda z: flow.dynamics(t, (z[None], torch.zeros(1)), params)[0][0])(point)
        assert torch.allclose(flow.dynamics(t, (point[None], torch.zeros(1)), params)[1][0], -torch.trace(field))


@pytest.mark.parametrize("framework", ADAPTERS)
def test_hamiltonian_flow_keeps_the_density(framework):
    """App. A.1: the trace is zero, so log p is what it was, bit for bit, though the points have moved."""
    flow = ContinuousFlow(framework, 6, "hamiltonian")
    adapter = ADAPTERS[framework]("cpu", "float64")
    adapter.activate()
    params = {name: 3 * p for name, p in flow.parameters(np.random.default_rng(0)).items()}
    batch = flow.batch(np.random.default_rng(1).standard_normal((64, 2)), 0.0, 1.0)
    odeint = odebench.backend(f"{framework}/rk4/backprop", num_steps=4).odeint
    z, change = adapter.numpy(flow.transport(adapter.asarray(params), adapter.asarray(batch), odeint))
    assert (change == 0).all()
    assert np.abs(z - batch["z"]).max() > 0.3


def test_planar_change_is_the_log_determinant():
    """−log|det| of all layers together, by automatic differentiation."""
    flow = PlanarFlow("torch", 5)
    params = tensors(flow.parameters(np.random.default_rng(0)))
    params["planar.u"] = params["planar.u"] * 20
    z = torch.randn(16, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    _, change = flow.transport(params, tensors(flow.batch(z.numpy(), 0.0, 1.0)), None)
    wanted = -torch.linalg.slogdet(jacobian(flow, params, z, (0.0, 1.0), None)).logabsdet
    assert torch.allclose(change, wanted)
    assert wanted.abs().max() > 0.5


def test_planar_layers_are_invertible():
    """wᵀû > −1 however u lies, and û is u but for a part along w; so determinants are positive."""
    flow = PlanarFlow("torch", 200)
    params = tensors(flow.parameters(np.random.default_rng(0)))
    params["planar.u"] = 5 * torch.randn(200, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    w, u, pushed = params["planar.w"], params["planar.u"], flow.invertible(params)
    assert ((w * u).sum(1) < -1).sum() > 20
    assert ((w * pushed).sum(1) > -1).all()
    across = torch.stack([-w[:, 1], w[:, 0]], 1)
    assert torch.allclose((across * pushed).sum(1), (across * u).sum(1))


@pytest.mark.parametrize("size", [2, 8, 64])
def test_planar_flows_begin_near_the_identity(size):
    """However many layers there are, the base is neither collapsed nor blown up, so that each depth starts as well."""
    flow = PlanarFlow("torch", size)
    points = np.random.default_rng(1).standard_normal((512, 2))
    batch = TorchAdapter("cpu", "float64").asarray(flow.batch(points, 0.0, 1.0))
    params = TorchAdapter("cpu", "float64").asarray(flow.parameters(np.random.default_rng(0)))
    z, change = flow.transport(params, batch, None)
    assert np.all(np.abs(np.log(z.numpy().std(0))) < 0.5)
    assert abs(change.numpy().mean()) < 1


def test_stages_of_a_planar_flow():
    """A part of the span is a part of the layers, from the base's end in either direction; none leaves all as is."""
    towards, back = PlanarFlow("torch", 4), PlanarFlow("torch", 4, inverse=True)
    z = np.ones((1, 2))
    assert towards.batch(z, 0.0, 0.5)["used"].tolist() == [1, 1, 0, 0]
    assert back.batch(z, 0.5, 0.0)["used"].tolist() == [0, 0, 1, 1]
    assert back.batch(z, 0.05, 0.0)["used"].tolist() == [0, 0, 0, 0]
    params = tensors(back.parameters(np.random.default_rng(0)))
    moved, change = back.transport(params, tensors(back.batch(z, 0.05, 0.0)), None)
    assert (moved == 1).all()
    assert (change == 0).all()
    with pytest.raises(ValueError, match="cannot carry points from 1"):
        towards.batch(z, 1.0, 0.0)


def test_sizes_are_the_papers():
    """Five parameters a planar layer; the public example of width 64 has 15,904."""
    count = lambda flow: sum(p.size for p in flow.parameters(np.random.default_rng(0)).values())  # noqa: E731
    assert count(PlanarFlow("torch", 8)) == 40
    assert count(ContinuousFlow("torch", 64, "public")) == 15_904


@pytest.mark.parametrize(
    "options", [{"target": "u5"}, {"size": 0}, {"form": "mean"}, {"batch_size": 0}, {"steps": -1}, {"learning_rate": 0}]
)
def test_options_are_checked(options):
    """One out of range is refused by its name."""
    with pytest.raises(UserError, match=next(iter(options))):
        tasks.make_match("torch", seed=0, **options)

"""The tasks, through odebench's own solvers."""

import autograd.numpy as autograd_numpy
import numpy as np
import pytest
import torch
from autograd import grad
from scipy.integrate import odeint as scipy_odeint

import odebench
from odebench import truth
from suites.ivp.library import PROBLEMS
from suites.ivp.task import IvpTask


def _tensors(values):
    return {name: torch.tensor(x, requires_grad=True) for name, x in values.items()}


def test_euler_by_hand():
    """h' = 5h - 3, h(0) = 1, three steps of one: the values 1, 3, 15 and the slopes 2, 12, 72 of the worked example,
    without an error in the last digit, and the fourth value that they lead to."""
    slopes = []

    def f(t, y, p):
        slope = p["a"] * y + p["b"]
        slopes.append(slope.item())
        return slope

    ts = torch.tensor([0.0, 1.0, 2.0, 3.0], dtype=torch.float64)
    params = {"a": torch.tensor(5.0, dtype=torch.float64), "b": torch.tensor(-3.0, dtype=torch.float64)}
    backend = odebench.backend("torch/euler/backprop", num_steps=3)
    ys = backend.odeint(f, torch.tensor([1.0], dtype=torch.float64), ts, params)
    assert ys[:, 0].tolist() == [1.0, 3.0, 15.0, 87.0]
    assert slopes[:3] == [2.0, 12.0, 72.0]
    task = IvpTask(PROBLEMS["euler"], "torch", seed=0)
    predicted = task.predict(_tensors(task.params), _tensors(task.probe()), backend.odeint)
    assert predicted[:, 0].tolist() == [1.0, 3.0, 15.0, 87.0]


def test_pendulum_against_odeint(registry):
    """scipy.integrate.odeint on its own example, at 101 points and its default tolerance: 4.7e-7 from the truth."""
    problem = PROBLEMS["pendulum"]
    task = IvpTask(problem, "numpy", seed=0)
    p = {name: x for name, x in task.params.items() if name not in ("y0", "ts")}
    ts = np.linspace(0, 10, 101)
    ys = scipy_odeint(lambda y, t: task._f(np.asarray(t), y, p), problem.y0, ts)[::25]
    key = truth.key(registry.tasks["ivp/pendulum"], 0, {})
    reference = truth.read(truth.file(registry.tasks["ivp/pendulum"], key), key)
    assert np.abs(ys - reference.arrays["prediction"]).max() == pytest.approx(4.7e-7, rel=1.0)


def test_gradients_of_torch_are_the_stored_ones(registry):
    """dopri8 at 1e-12, differentiated through: y0, every time and every parameter of the pendulum."""
    task = IvpTask(PROBLEMS["pendulum"], "torch", seed=0)
    params = _tensors(task.params)
    odeint = odebench.backend("torch/dopri8/backprop", rtol=1e-12, atol=1e-12).odeint
    task.loss(params, {"weights": torch.tensor(task.probe()["weights"])}, odeint).backward()
    key = truth.key(registry.tasks["ivp/pendulum"], 0, {})
    reference = truth.read(truth.file(registry.tasks["ivp/pendulum"], key), key)
    for name, p in params.items():
        np.testing.assert_allclose(p.grad.numpy(), reference.arrays[f"gradient/{name}"], rtol=1e-8)


def test_hips_autograd_differentiates_numpy():
    """A definition in NumPy is autograd's as soon as a value is being differentiated."""
    task = IvpTask(PROBLEMS["a4"], "numpy", seed=0, loss_scale=2.0)

    def euler(f, y0, ts, params):
        return autograd_numpy.stack([y0] * 4 + [y0 + f(ts[0], y0, params)])

    found = grad(lambda y0: task.loss(task.params | {"y0": y0}, task.probe(), euler))(task.params["y0"])
    weights = 2 * PROBLEMS["a4"].weights[:, 0]
    slope = 0.25 * (1 - 2 * 1.0 / 20)
    assert found == pytest.approx(weights.sum() + weights[-1] * slope)


def test_a_task_shares_nothing_with_the_library():
    """An in-place training step of one instance changes no other."""
    first, second = (IvpTask(PROBLEMS["b1"], "numpy", seed=0) for _ in range(2))
    first.params["y0"] += 1
    assert second.params["y0"].tolist() == list(PROBLEMS["b1"].y0)
    assert (first.recipe, first.evaluate(lambda batch: batch)) == (None, {})

"""Outputs on the knots of equal steps: they take the knots' places, as in torch, so that gradients are two-sided."""

import functools

import jax
import numpy as np
import pytest
import torch

import odebench_torch.runge_kutta as twin
from odebench_jax.runge_kutta import RungeKutta
from odebench_rungekutta import DOPRI5, EULER, RK4

Y0, PARAM = np.array([0.4, 1.1]), np.array(0.9)


@pytest.fixture(autouse=True)
def _double():
    """float64, and little of the time that XLA takes to optimise what runs once."""
    before = jax.config.values["jax_disable_most_optimizations"]
    jax.config.update("jax_disable_most_optimizations", True)
    with jax.enable_x64(True):
        yield
    jax.config.update("jax_disable_most_optimizations", before)


def f(t, y, p):
    """Arithmetic that either framework has."""
    return p * y * (1 - y * t) + 0.3 * t * t


# Six of each, so that they share what is compiled.
TIMES = {
    "on": np.array([0.0, 0.25, 0.5, 0.6, 0.8, 1.0]),
    "beside": np.array([0.0, 0.1, 0.2501, 0.2502, 0.75 - 1e-4, 1.0]),
    "part": np.array([0.2, 0.45, 0.5, 0.7, 0.95, 1.1]),
    "descending": np.array([1.0, 0.9, 0.75, 0.4, 0.25, 0.0]),
}
WEIGHTS = np.cos(np.arange(12.0)).reshape(-1, 2)
OPTIONS = {"num_steps": {"num_steps": 4}, "step": {"step": 0.25}}


@functools.cache
def compiled(tableau, kind):
    """The loss of y0, ts and p, and it with its gradients."""

    def loss(y0, ts, p):
        return (WEIGHTS * RungeKutta(tableau)(f, y0, ts, p, **OPTIONS[kind])[0]).sum()

    return jax.jit(loss), jax.jit(jax.value_and_grad(loss, (0, 1, 2)))


@pytest.mark.parametrize("ts", TIMES.values(), ids=TIMES)
@pytest.mark.parametrize("kind", OPTIONS)
@pytest.mark.parametrize("tableau", [EULER, RK4, DOPRI5], ids=lambda t: t.name)
def test_gradients_are_two_sided(tableau, kind, ts):
    """Values, and gradients of y0, params and ts, are torch's; those of ts are central differences' too."""
    loss, value_and_grads = compiled(tableau, kind)
    value, grads = value_and_grads(Y0, ts, PARAM)
    leaves = [torch.tensor(x, requires_grad=True) for x in (Y0, ts.copy(), PARAM)]
    torch_value = (torch.tensor(WEIGHTS) * twin.RungeKutta(tableau)(f, *leaves, **OPTIONS[kind])[0]).sum()
    torch_value.backward()
    np.testing.assert_allclose(value, torch_value.item(), rtol=1e-13)
    for grad, leaf in zip(grads, leaves, strict=True):
        np.testing.assert_allclose(grad, leaf.grad, rtol=1e-11, atol=1e-12)
    nudges = 1e-6 * np.eye(len(ts))
    central = [(loss(Y0, ts + nudge, PARAM) - loss(Y0, ts - nudge, PARAM)) / 2e-6 for nudge in nudges]
    np.testing.assert_allclose(grads[1], central, rtol=0, atol=1e-8 * np.abs(grads[1]).max())


@pytest.mark.parametrize("tableau", [EULER, DOPRI5], ids=lambda t: t.name)
def test_an_output_on_a_knot_is_the_state_there(tableau):
    """As a solve that ends there has it, to the last bit, and it costs no step."""
    ys, stats = RungeKutta(tableau)(f, Y0, TIMES["on"], PARAM, step=0.25)
    shorter, _ = RungeKutta(tableau)(f, Y0, TIMES["on"][[0, 2]], PARAM, step=0.25)
    np.testing.assert_array_equal(ys[2], shorter[-1])
    assert stats.accepted == 4

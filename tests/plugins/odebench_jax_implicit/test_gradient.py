"""The derivative of an implicit solve: exact for the discrete map, close to the continuous one, lane by lane alike."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from odebench_implicit import BACKWARD_EULER, KVAERNO3, KVAERNO5, TRAPEZOID
from odebench_jax.runge_kutta import RungeKutta
from odebench_jax_adjoint.method import bind as adjoint
from odebench_jax_implicit.engine import ImplicitRungeKutta
from odebench_rungekutta import DOPRI8


@pytest.fixture(autouse=True)
def _double():
    """float64, and little of the time that XLA takes to optimise what runs once."""
    before = jax.config.values["jax_disable_most_optimizations"]
    jax.config.update("jax_disable_most_optimizations", True)
    with jax.enable_x64(True):
        yield
    jax.config.update("jax_disable_most_optimizations", before)


RNG = np.random.default_rng(0)
W = RNG.normal(size=(3, 3))
Y0 = RNG.normal(size=3)
TS = np.array([0.1, 0.73, 1.5, 2.2])
WEIGHTS = RNG.normal(size=(4, 3))


def f(t, y, w):
    return jnp.tanh(w @ y + jnp.sin(t)) - 0.1 * y


def loss_of(tableau, **options):
    def loss(y0, ts, w):
        return (ImplicitRungeKutta(tableau)(f, y0, ts, w, **options)[0] * WEIGHTS).sum()

    return loss


def central(loss, args, delta=1e-5):
    """Central differences along every coordinate of the arguments."""

    def along(index, direction):
        ends = [tuple(a + s * delta * direction if i == index else a for i, a in enumerate(args)) for s in (1, -1)]
        return (loss(*ends[0]) - loss(*ends[1])) / (2 * delta)

    shapes = [(i, np.eye(a.size).reshape(-1, *a.shape)) for i, a in enumerate(args)]
    return [np.array([along(i, d) for d in directions]).reshape(args[i].shape) for i, directions in shapes]


@pytest.mark.parametrize(
    ("tableau", "options", "ts"),
    [
        (BACKWARD_EULER, {"num_steps": 7}, TS),
        (TRAPEZOID, {"step": 0.23}, TS[::-1]),
        (KVAERNO3, {"num_steps": 9}, TS),
    ],
)
def test_discrete_gradient(tableau, options, ts):
    """Of fixed steps, with respect to y0, every time and params: central differences of the solve itself."""
    value_and_grad = jax.jit(jax.value_and_grad(loss_of(tableau, **options), (0, 1, 2)))
    found = value_and_grad(Y0, ts, W)[1]
    expected = central(lambda *args: value_and_grad(*args)[0], (Y0, ts, W))
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-7)


def test_continuous_gradient():
    """At a tight tolerance: the adjoint's of an explicit method, of y0, params and every time."""

    def reference(y0, ts, w):
        odeint = adjoint(RungeKutta(DOPRI8), {"rtol": 1e-11, "atol": 1e-11})
        return (odeint(f, y0, ts, w) * WEIGHTS).sum()

    loss = loss_of(KVAERNO5, rtol=1e-9, atol=1e-9)
    found, expected = (jax.jit(jax.grad(g, (0, 1, 2)))(Y0, TS, W) for g in (loss, reference))
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6)


def test_checkpoints_lanes_and_captured_tracers():
    """However few states are kept, the gradient is the same to the last bit or two; so it is under vmap, in either
    direction of time, and where f has captured what is differentiated."""

    def captured(y0, ts, w):
        def dynamics(t, y):
            return {"y": f(t, y["y"], w)}

        ys, _ = ImplicitRungeKutta(KVAERNO3)(dynamics, {"y": y0}, ts, rtol=1e-5, atol=1e-7, checkpoints=3)
        return (ys["y"] * WEIGHTS).sum()

    def grad(loss):
        return jax.value_and_grad(loss, (0, 1, 2))

    everything = loss_of(KVAERNO3, rtol=1e-5, atol=1e-7, checkpoints="all", max_steps=1000)
    starts, times = jnp.stack([Y0, -3 * Y0]), jnp.stack([TS, 3 * TS[::-1]])
    lanes = jax.jit(jax.vmap(grad(captured), (0, 0, None)))(starts, times, W)
    alone = jax.jit(grad(everything))
    for i in range(2):
        expected = alone(starts[i], times[i], W)
        jax.tree.map(lambda a, b, i=i: np.testing.assert_allclose(a[i], b, rtol=1e-10, atol=1e-12), lanes, expected)


def test_gradients_of_a_failed_solve_are_nan():
    """Of y0, of times and of params, even where no step depended on them."""
    grads = jax.jit(jax.grad(loss_of(KVAERNO3, rtol=1e-8, max_steps=3), (0, 1, 2)))(Y0, TS, W)
    assert all(np.isnan(leaf).all() for leaf in grads)

"""Reversible Heun: of order 2, undone step by step, with the exact gradient and no memory of the steps."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from odebench import Unsupported, backend
from odebench.contract import Status
from odebench_jax.adapter import JaxAdapter
from odebench_jax.runge_kutta import RungeKutta
from odebench_jax_reversible.method import bind
from odebench_jax_reversible.solver import reversible_heun
from odebench_rungekutta import RK4


@pytest.fixture(autouse=True)
def _double():
    """float64, and little of the time that XLA takes to optimise what runs once."""
    before = jax.config.values["jax_disable_most_optimizations"]
    jax.config.update("jax_disable_most_optimizations", True)
    with jax.enable_x64(True):
        yield
    jax.config.update("jax_disable_most_optimizations", before)


TS = np.array([0.2, 0.5, 1.0, 1.8])
Y0 = np.array([1.2, -0.4])
PARAMS = {"a": np.array([[-0.3, 1.1], [-0.9, 0.2]]), "unused": np.ones(2)}


def f(t, y, p):
    return p["a"] @ jnp.tanh(y) + jnp.cos(t)


def times_of(ts, options, calls):
    """Every knot as a function of ts, from the times that f was called at, as the contract says."""
    knots, base = [], 0
    for t in calls:
        if t in ts:
            base = int(np.flatnonzero(ts == t)[0])
            knots.append((base, lambda ts, i=base: ts[i]))
        elif "num_steps" in options:
            part = (t - ts[0]) / (ts[-1] - ts[0])
            knots.append((None, lambda ts, part=part: ts[0] + part * (ts[-1] - ts[0])))
        else:
            i = 0 if "step" in options else base
            knots.append((None, lambda ts, i=i, away=t - ts[i]: ts[i] + away))
    return knots


def unrolled(knots, y0, ts, p):
    """The steps in plain Python, for JAX to differentiate by itself."""
    y = z = y0
    v, outputs = f(ts[0], y0, p), [y0]
    for (_, start), (landed, end) in itertools.pairwise(knots):
        h = end(ts) - start(ts)
        z, before = 2 * y - z + h * v, v
        v = f(end(ts), z, p)
        y = y + h / 2 * (before + v)
        if landed is not None:
            outputs.append(y)
    return jnp.stack(outputs)


@pytest.mark.parametrize("ts", [TS, TS[::-1]], ids=["ascending", "descending"])
@pytest.mark.parametrize(
    "options", [{"num_steps": 9}, {"step": 0.13}, {"num_steps": 1}, {"rtol": 0.03, "atol": 0.03}], ids=str
)
def test_exact_gradient(options, ts):
    """To 1e-11 that of the same steps unrolled in Python, with respect to y0, every time and the parameters."""
    calls = []

    def noted(t, y, p):
        jax.debug.callback(lambda t: calls.append(float(t)), t, ordered=True)
        return f(t, y, p)

    _, stats = reversible_heun(noted, Y0, ts, PARAMS, **options)
    jax.effects_barrier()
    assert stats.nfe == len(calls)
    if "rtol" in options:
        assert stats.rejected == 0
        del calls[1]  # the probe for the first step
    knots = times_of(ts, options, calls)
    weights = np.arange(1.0, 9.0).reshape(4, 2)

    def loss(solve):
        return lambda *args: jnp.sum(weights * solve(*args) ** 2)

    odeint = backend("jax/reversible_heun/reversible", **options).odeint
    plain = jax.value_and_grad(loss(lambda *args: unrolled(knots, *args)), (0, 1, 2))(Y0, jnp.asarray(ts), PARAMS)
    ours = jax.jit(jax.value_and_grad(loss(lambda *args: odeint(f, *args)), (0, 1, 2)))(Y0, ts, PARAMS)
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-11, atol=1e-11), ours, plain)


def test_order_and_control():
    """The error of equal steps falls with their square; that of adaptive steps with the tolerance."""

    @jax.jit
    def error(step):
        return jnp.abs(
            reversible_heun(lambda t, y: y * jnp.cos(t), 1.0, np.array([0.0, 3.0]), step=step)[0][-1]
            - np.exp(np.sin(3.0))
        )

    assert np.log2(error(0.02) / error(0.01)) == pytest.approx(2, abs=0.1)

    @jax.jit
    def adaptive(rtol):
        ys, stats = reversible_heun(lambda t, y: y * jnp.cos(t), 1.0, np.array([0.0, 3.0]), rtol=rtol, atol=rtol)
        return jnp.abs(ys[-1] - np.exp(np.sin(3.0))), stats

    (coarse, few), (fine, many) = adaptive(1e-3), adaptive(1e-5)
    assert fine < coarse / 4
    assert many.accepted > 5 * few.accepted


def test_memory():
    """That of a few states, whatever the number of steps; of the steps their times alone are kept."""
    adapter, size = JaxAdapter("cpu", "float64"), 1000

    def taken(max_steps):
        odeint = backend("jax/reversible_heun/reversible", num_steps=max_steps, max_steps=max_steps).odeint
        loss = lambda p, _: jnp.sum(odeint(lambda t, y: -y, p["y0"], jnp.array([0.0, 1.0])))  # noqa: E731
        return adapter.memory(loss, {"y0": jnp.ones(size)}, None)["temp_bytes"]

    few, many = taken(100), taken(10_100)
    assert few < 40 * 8 * size
    assert many - few == pytest.approx(8 * 10_000, rel=0.05)


def test_failures():
    """A status for each way to fail, inside compiled code; and other solvers are refused."""
    ts = np.array([0.0, 1.0])

    @jax.jit
    def status(rate):
        explosive = lambda t, y: rate * y**2  # noqa: E731
        return [
            reversible_heun(explosive, 1.0, ts, **options)[1].status
            for options in ({"max_steps": 5}, {"num_steps": 50})
        ]

    assert status(1e3) == [Status.max_steps, Status.non_finite]
    with pytest.raises(Unsupported, match="rk4 is not reversible"):
        bind(RungeKutta(RK4), {})
    assert reversible_heun(f, Y0, TS[:1], PARAMS)[0].tolist() == [Y0.tolist()]

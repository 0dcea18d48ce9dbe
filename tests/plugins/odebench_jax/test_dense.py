"""The path of a solve: as accurate as its method says, compiled or not, and honest where it ends too soon."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from odebench.contract import SolveError, Status
from odebench_jax import dense
from odebench_jax.runge_kutta import RungeKutta
from odebench_rungekutta import DOPRI5, DOPRI8, RK4


@pytest.fixture(autouse=True)
def _double():
    """float64, and little of the time that XLA takes to optimise what runs once."""
    before = jax.config.values["jax_disable_most_optimizations"]
    jax.config.update("jax_disable_most_optimizations", True)
    with jax.enable_x64(True):
        yield
    jax.config.update("jax_disable_most_optimizations", before)


def f(t, y, p):
    return {"x": p * y["x"] * jnp.cos(t), "z": jnp.ones((1, 1))}


def exact(t, t0):
    return np.exp(0.9 * (np.sin(t) - np.sin(t0)))


Y0 = {"x": np.ones(2), "z": np.zeros((1, 1))}


@pytest.mark.parametrize("sign", [1, -1], ids=["ascending", "descending"])
@pytest.mark.parametrize("tableau", [DOPRI5, RK4], ids=lambda t: t.name)
def test_order(tableau, sign):
    """The error between the steps falls with the order of the dense output, 5 and 4 in a step; at outputs it is ys."""
    ts, between = sign * np.array([0.3, 1.1, 2.3]), sign * np.linspace(0.3, 2.3, 57)

    @jax.jit
    def errors(step):
        ys, stats, path = RungeKutta(tableau).dense(f, Y0, ts, 0.9, step=step)
        there = jax.vmap(path)(ts)
        return jnp.abs(jax.vmap(path)(between)["x"][:, 0] - exact(between, ts[0])).max(), ys, there, stats.status

    coarse, fine = errors(0.2), errors(0.1)
    order = np.log2(coarse[0] / fine[0])
    assert 3.6 < order < 5.6
    assert order > (4.5 if tableau is DOPRI5 else 3.6)
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-12), fine[1], fine[2])
    assert fine[3] == 0
    assert fine[2]["z"].shape == (3, 1, 1)


def test_outside_compiled_code():
    """The same path, adaptive, landing or not; and one of a single time."""
    for tableau in (DOPRI5, DOPRI8):
        ys, stats, path = RungeKutta(tableau).dense(f, Y0, np.array([0.0, 1.0]), 0.9, rtol=1e-8, atol=1e-10)
        plain, plain_stats = RungeKutta(tableau)(f, Y0, np.array([0.0, 1.0]), 0.9, rtol=1e-8, atol=1e-10)
        jax.tree.map(np.testing.assert_array_equal, ys, plain)
        assert stats.nfe == plain_stats.nfe + (tableau is DOPRI8)
        np.testing.assert_allclose(path(0.77)["x"], exact(0.77, 0.0), rtol=1e-6 if tableau is DOPRI5 else 1e-4)
    _, _, path = RungeKutta(DOPRI5).dense(f, Y0, np.array([0.5]), 0.9)
    assert path(0.5)["x"].tolist() == [1, 1]


def test_lanes():
    """Paths under ``vmap`` are those alone, though their steps end at other times."""
    ts = np.array([[0.0, 2.0], [0.0, 0.3], [1.0, -3.0]])

    @jax.jit
    def value(ts, p):
        _, _, path = RungeKutta(DOPRI5).dense(f, Y0, ts, p, rtol=1e-5, atol=1e-7)
        return jax.vmap(path)(jnp.linspace(ts[0], ts[1], 9))["x"]

    rates = np.array([0.9, 5.0, 0.1])
    lanes = jax.vmap(value)(ts, rates)
    for lane in range(3):
        np.testing.assert_allclose(lanes[lane], value(ts[lane], rates[lane]), rtol=1e-9)


def test_overrun(monkeypatch):
    """A path that does not fit is a failed solve: an error outside compiled code, NaN and a status inside it."""
    monkeypatch.setattr(dense, "MEMORY", 0)  # room for 16 steps
    solve, ts = RungeKutta(DOPRI5), np.array([0.0, 50.0])
    with pytest.raises(SolveError, match="max_steps"):
        solve.dense(f, Y0, ts, 1.0)

    def traced(p):
        _, stats, path = solve.dense(f, Y0, ts, p)
        return stats.status, path(0.1)["x"]

    status, value = jax.jit(traced)(1.0)
    assert status == Status.max_steps
    assert np.isnan(value).all()

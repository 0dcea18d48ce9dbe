"""Checkpoints change the memory and the evaluations that a gradient takes, and not one bit of it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from odebench import Unsupported, backend
from odebench.adapter import Counts
from odebench_jax import tape
from odebench_jax.adapter import JaxAdapter
from odebench_jax.runge_kutta import RungeKutta
from odebench_jax_checkpoint.method import bind, bind_aca
from odebench_rungekutta import BOSH3, HEUN2


@pytest.fixture(autouse=True)
def _double():
    """float64, and little of the time that XLA takes to optimise what runs once."""
    before = jax.config.values["jax_disable_most_optimizations"]
    jax.config.update("jax_disable_most_optimizations", True)
    with jax.enable_x64(True):
        yield
    jax.config.update("jax_disable_most_optimizations", before)


Y0 = np.array([1.2, -0.4])


def f(t, y, p):
    return p * jnp.sin(y[::-1] + t)


def gradient(odeint, ts):
    return jax.jit(jax.grad(lambda y0, ts, p: jnp.sum(odeint(f, y0, ts, p) ** 3), (0, 1, 2)))(Y0, ts, 1.3)


@pytest.mark.parametrize("tableau", [BOSH3, HEUN2], ids=lambda t: t.name)
def test_the_same_gradient(tableau):
    """With any number of checkpoints, more than the steps or fewer, to the last bits that of backprop."""
    solve, options, ts = RungeKutta(tableau), {"num_steps": 37}, np.array([0.0, 0.7, 2.0])
    expected = gradient(lambda *args: solve(*args, **options)[0], ts)
    for checkpoints in (1, 5) if tableau is BOSH3 else (2, 3, 100):
        found = gradient(bind(solve, options, checkpoints=checkpoints), ts)
        jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-14, atol=1e-15), found, expected)


def counts_of(odeint):
    adapter, counts = JaxAdapter("cpu", "float64"), Counts()
    counted = adapter.counted(f, counts)
    run = jax.jit(jax.grad(lambda y0: jnp.sum(odeint(counted, y0, np.array([0.0, 2.0]), 1.3))))
    adapter.block(run(Y0))
    adapter.flush()
    return counts.f, counts.vjp


def test_evaluations(monkeypatch):
    """ACA takes each step twice more, for its stages and for their VJPs; one checkpoint alone all steps before, too.

    A tape that all states do not fit on is thinned like any other.
    """
    steps, stages = 12, 2
    solve, options = RungeKutta(HEUN2), {"num_steps": steps}
    assert counts_of(bind_aca(solve, options)) == (3 * stages * steps, stages * steps)
    quadratic = steps * (steps + 1) // 2
    assert counts_of(bind(solve, options, checkpoints=1)) == ((2 * steps + quadratic) * stages, stages * steps)
    monkeypatch.setattr(tape, "ALL", 0)
    monkeypatch.setattr(tape, "FEWEST", 4)
    thinned, vjps = counts_of(bind_aca(solve, options))
    assert vjps == stages * steps
    assert 3 * stages * steps < thinned < 5 * stages * steps


def test_memory():
    """A checkpoint takes a state: 1000 more of them 1000 states more, by XLA's own account. ACA: max_steps of them."""
    size, options = 1000, {"num_steps": 50, "max_steps": 2000}
    adapter = JaxAdapter("cpu", "float64")

    def taken(odeint):
        params = {"y0": jnp.ones(size)}
        loss = lambda p, batch: jnp.sum(odeint(lambda t, y: -y, p["y0"], jnp.array([0.0, 1.0])))  # noqa: E731
        return adapter.memory(loss, params, None)["temp_bytes"] / (8 * size)

    solve = RungeKutta(HEUN2)
    few, many = (taken(bind(solve, options, checkpoints=n)) for n in (10, 1010))
    assert many - few == pytest.approx(1000, abs=2)
    assert few < 10 + 30
    assert taken(bind_aca(solve, options)) - few == pytest.approx(2000 - 10 + tape.SPARE, abs=8)


def test_refusals():
    """A solver without checkpoints is named when it is bound; a number that is none, in the solve."""
    with pytest.raises(Unsupported, match="reversible_heun cannot keep checkpoints"):
        backend("jax/reversible_heun/checkpoint").odeint  # noqa: B018
    for wrong in (0, 2.5, "some"):
        with pytest.raises(ValueError, match="checkpoints must be"):
            bind(RungeKutta(HEUN2), {}, checkpoints=wrong)(f, Y0, np.array([0.0, 1.0]), 1.0)

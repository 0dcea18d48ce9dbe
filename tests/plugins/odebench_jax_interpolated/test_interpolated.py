"""The interpolated adjoint where it differs from the adjoint: the state is not solved for on the way back."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from odebench import Unsupported, backend
from odebench.adapter import Counts
from odebench_jax.adapter import JaxAdapter
from odebench_jax.runge_kutta import RungeKutta
from odebench_jax_interpolated.method import bind
from odebench_rungekutta import DOPRI5


@pytest.fixture(autouse=True)
def _double():
    """float64, and little of the time that XLA takes to optimise what runs once."""
    before = jax.config.values["jax_disable_most_optimizations"]
    jax.config.update("jax_disable_most_optimizations", True)
    with jax.enable_x64(True):
        yield
    jax.config.update("jax_disable_most_optimizations", before)


TS = np.array([0.0, 6.0])
SOLVE = RungeKutta(DOPRI5)


def relaxation(t, y, p):
    """Backwards, what is off the slow solution grows like exp(40 t)."""
    return -20.0 * (y * jnp.abs(y) - p * jnp.cos(t) ** 2 - p)


def gradient(odeint, f=relaxation):
    return jax.jit(jax.grad(lambda y0, p: odeint(f, y0, TS, p)[-1].sum(), (0, 1)))(jnp.array([2.0]), 1.5)


def test_where_the_way_back_is_unstable():
    """The adjoint loses the state, and with it the gradient; the interpolated adjoint has the one and the other."""
    reference = gradient(backend("jax/dopri5/backprop", rtol=1e-8, atol=1e-10).odeint)
    found, adjoint = (
        gradient(backend(f"jax/dopri5/{name}", rtol=1e-6, atol=1e-8).odeint) for name in ("interpolated", "adjoint")
    )
    np.testing.assert_allclose(found[1], reference[1], rtol=1e-4)
    assert abs(found[0][0]) < 1e-6
    assert not abs(adjoint[1] - reference[1]) < 1e-2 * abs(reference[1])


def test_a_strangers_path():
    """A path that is a plain function of t with arrays inside, in a compiled gradient."""

    class Stranger:
        def __call__(self, *args, **options):
            return SOLVE(*args, **options)

        def dense(self, *args, **options):
            ys, stats, path = SOLVE.dense(*args, **options)
            return ys, stats, lambda t: path(t)

    options = {"rtol": 1e-6, "atol": 1e-8}
    found, expected = (gradient(bind(solve, options)) for solve in (Stranger(), SOLVE))
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-12), found, expected)


def test_evaluations():
    """Of its own equal steps: of f they need VJPs alone, one a stage."""
    adapter, counts = JaxAdapter("cpu", "float64"), Counts()
    f = adapter.counted(relaxation, counts)
    adapter.block(gradient(bind(SOLVE, {"num_steps": 600}, adjoint_num_steps=700), f))
    adapter.flush()
    assert counts.vjp == 6 * 700 + 1
    assert counts.f == (6 * 600 + 1) + counts.vjp


def test_refusals():
    """A solver without dense output is named when it is bound."""
    with pytest.raises(Unsupported, match="reversible_heun cannot be interpolated"):
        backend("jax/reversible_heun/interpolated").odeint  # noqa: B018
    with pytest.raises(ValueError, match="seminorm"):
        bind(SOLVE, {}, adjoint_norm="semi")

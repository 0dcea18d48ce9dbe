"""jax.experimental.ode held to the contract, as far as it can be."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import odebench
from odebench import SolveError, Status, Unsupported

TS = np.array([0.3, 1.1, 1.9])
Y0 = {"x": np.array([1.0, 2.0]), "v": np.ones((1, 3))}
P = {"a": np.float64(0.7), "unused": np.ones(1)}
TIGHT = {"rtol": 1e-8, "atol": 1e-8}


@pytest.fixture(autouse=True)
def _double():
    """float64, and little of the time that XLA takes to optimise what runs once."""
    before = jax.config.values["jax_disable_most_optimizations"]
    jax.config.update("jax_disable_most_optimizations", True)
    with jax.enable_x64(True):
        yield
    jax.config.update("jax_disable_most_optimizations", before)


def f(t, y, p):
    """y = y0 exp(a (cos t - cos t0)), which is not even in t."""
    return {name: -p["a"] * jnp.sin(t) * leaf for name, leaf in y.items()}


def exact(y0, p, ts):
    factor = jnp.exp(p["a"] * (jnp.cos(ts) - jnp.cos(ts[0])))
    return {name: jnp.multiply.outer(factor, leaf) for name, leaf in y0.items()}


def backend(**given):
    return odebench.backend("jax-ode/dopri5/adjoint", **given)


@pytest.mark.parametrize(
    ("make", "traced"),
    [(np.asarray, True), (np.asarray, False), (jnp.asarray, False)],
    ids=["traced", "known", "array"],
)
def test_values_and_gradients(make, traced):
    """Of a tree, back in time, whether times are known when it is traced or not; an unused parameter gets 0."""
    ts = make(TS[::-1])

    def loss(odeint, y0, p, ts):
        return sum(
            (leaf * jnp.arange(1.0, 1.0 + leaf.size).reshape(leaf.shape)).sum() for leaf in odeint(y0, p, ts).values()
        )

    def ours(y0, p, ts):
        return backend(**TIGHT).odeint(f, y0, ts, p)

    arguments = (0, 1, 2) if traced else (0, 1)
    if traced:
        value, found = jax.jit(jax.value_and_grad(lambda *a: loss(ours, *a), arguments))(Y0, P, ts)
    else:
        value, found = jax.jit(jax.value_and_grad(lambda y0, p: loss(ours, y0, p, ts), arguments))(Y0, P)
    truth, expected = jax.value_and_grad(lambda *a: loss(exact, *a), arguments)(Y0, P, jnp.asarray(ts))
    np.testing.assert_allclose(value, truth, rtol=1e-6)
    for x, y in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(found[1]["unused"], 0.0)


def test_dynamics_that_are_not_finite():
    """NaN from the first is a failure: compiled, NaN and a status; eagerly, SolveError."""
    ts = np.array([0.0, 2.0])
    ys, stats = jax.jit(lambda y: backend().solve(lambda t, y: y * jnp.nan, y, ts))(np.ones(1))
    assert stats.status == Status.non_finite
    assert np.isnan(ys[-1])
    with pytest.raises(SolveError):
        backend().solve(lambda t, y: y * jnp.nan, np.ones(1), ts)


INCOMPLETE = [
    (lambda t, y: -1e4 * (y - jnp.cos(t)), [0.0, 10.0], {"max_steps": 200}, Status.max_steps),
    (lambda t, y: jnp.sqrt(0.3 - t) * y, [0.0, 1.0], {}, Status.non_finite),
    (lambda t, y: jnp.sqrt(t - 0.7) * y, [1.0, 0.5, 0.0], {}, Status.non_finite),
]


@pytest.mark.parametrize(("g", "ts", "given", "status"), INCOMPLETE, ids=["steps", "nan", "descending"])
def test_a_solve_that_is_not_complete(g, ts, given, status):
    """Eagerly, SolveError, though the library hands out finite numbers and no status."""
    with pytest.raises(SolveError) as caught:
        backend(**given).solve(g, np.ones(1), np.array(ts))
    assert caught.value.status == status


def test_a_complete_solve_after_one_that_was_not():
    """Nothing of a failure stays; nfe and steps, which the library does not tell, are no zeros."""
    ts = np.array([0.0, 1.0])
    wall = INCOMPLETE[1][0]
    with pytest.raises(SolveError):
        backend().solve(wall, np.ones(1), ts)
    ys, stats = backend().solve(wall, np.ones(1), 0.2 * ts)
    np.testing.assert_allclose(ys[-1], np.exp((0.3**1.5 - 0.1**1.5) / 1.5), rtol=1e-6)
    assert stats[:4] == (-1, -1, -1, Status.ok)


@pytest.mark.parametrize(
    "given", [{"step": 0.1}, {"num_steps": 3}, {"first_step": 0.1}, {"min_step": 0.1}, {"norm": jnp.max}], ids=" ".join
)
def test_options_that_it_lacks(given):
    """Refused by name, as a ValueError."""
    with pytest.raises(Unsupported, match=next(iter(given))):
        backend(**given).solve(f, Y0, TS, P)


@pytest.mark.parametrize(
    ("y0", "ts", "g", "given", "error"),
    [
        (np.ones(1, int), TS, lambda t, y: y, {}, TypeError),
        (np.ones(1), np.array([0.0, 1.0, 1.0]), lambda t, y: y, {}, ValueError),
        (np.ones(1), np.array([0.0, np.inf]), lambda t, y: y, {}, ValueError),
        (np.ones(2), TS, lambda t, y: y.astype(np.float32), {}, TypeError),
        (np.ones(2), TS, lambda t, y: y[:1], {}, TypeError),
        (np.ones(2), TS, lambda t, y: y, {"rtol": 0.0, "atol": 0.0}, ValueError),
    ],
)
def test_bad_input(y0, ts, g, given, error):
    """Refused in the words of the solvers of jax, before the library sees it."""
    with pytest.raises(error):
        backend(**given).solve(g, y0, ts)


def test_captured_tracers_outside_jit():
    """Arguments that are known say nothing of what f has captured: it can be mapped over."""
    ys = jax.vmap(lambda a: backend(**TIGHT).odeint(lambda t, y: -a * y, np.ones(1), np.array([0.0, 1.0]))[-1, 0])(
        jnp.arange(3.0)
    )
    np.testing.assert_allclose(ys, np.exp(-np.arange(3.0)), rtol=1e-6)


def test_one_time():
    """A solve of no length is y0."""
    np.testing.assert_array_equal(backend().solve(lambda t, y: y, np.ones(2), np.zeros(1))[0], np.ones((1, 2)))

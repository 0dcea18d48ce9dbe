"""Wide states are stepped in parts; nothing else may change."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend.core import jaxprs_in_params

from odebench_jax.flat import ALONE, Field, Layout
from odebench_jax.runge_kutta import RungeKutta
from odebench_rungekutta.dopri5 import DOPRI5
from odebench_rungekutta.rk4 import RK4

SHAPES = {"a": (2, ALONE), "b": (3,), "c": (), "d": (0,), "e": (ALONE,), "f": (5, 1)}
TS = np.array([0.0, 0.3, 1.0])


@pytest.fixture(autouse=True)
def x64():
    with jax.enable_x64(True):
        yield


def state(seed=0, **dtypes):
    rng = np.random.default_rng(seed)
    return {name: jnp.asarray(rng.normal(size=s), dtypes.get(name, float)) for name, s in SHAPES.items()}


def f(t, y, p):
    """Every leaf is moved by others, so that a part in another's place would be seen."""
    mean = jnp.mean(y["a"]) + jnp.sum(y["b"]) * y["c"] + jnp.mean(y["e"])
    return jax.tree.map(lambda x: jnp.sin(p * t) * jnp.tanh(mean * x) - 0.3 * x, y)


def test_wide_leaves_are_parts_of_their_own_and_small_neighbours_share_one():
    y = state(c=np.float32)
    layout = Layout.of(y)
    parts = layout.parts(y)
    assert [p.size for p in parts] == [2 * ALONE, 4, ALONE, 5]
    assert layout.cuts == (2 * ALONE, 2 * ALONE + 4, 3 * ALONE + 4)
    vector = layout.ravel(y)
    np.testing.assert_array_equal(jnp.concatenate(parts), vector)
    for back in (layout.state(parts), layout.unravel(vector), layout.state(Field(f, layout.cuts).split(vector))):
        jax.tree.map(np.testing.assert_array_equal, back, y)
        assert jax.tree.map(lambda x: x.dtype, back) == jax.tree.map(lambda x: x.dtype, y)


@pytest.mark.parametrize(
    ("tableau", "options"), [(DOPRI5, {"rtol": 1e-6}), (RK4, {"num_steps": 5})], ids=["dopri5", "rk4"]
)
def test_states_and_gradients_are_those_of_the_same_state_as_one_leaf(tableau, options):
    solve, y0 = RungeKutta(tableau), state()
    layout = Layout.of(y0)

    def norm(tree):  # one for both, so that both take the same steps
        return jnp.sqrt(jnp.mean(jnp.square(layout.ravel(tree) if isinstance(tree, dict) else tree)))

    def as_one(t, y, p):
        return layout.ravel(f(t, layout.unravel(y), p))

    def loss(f, y0, ts, p):
        ys, stats = solve(f, y0, ts, p, norm=norm, **options)
        return sum(jnp.sum(jnp.sin(leaf)) for leaf in jax.tree.leaves(ys)), (ys, stats)

    gradient = jax.jit(jax.grad(loss, (1, 2, 3), has_aux=True), static_argnums=0)
    (y_bar, *others), (ys, stats) = gradient(f, y0, TS, 1.7)
    (expected_y_bar, *expected), (expected_ys, expected_stats) = gradient(as_one, layout.ravel(y0), TS, 1.7)
    assert int(stats.nfe) == int(expected_stats.nfe)
    np.testing.assert_allclose(jax.vmap(layout.ravel)(ys), expected_ys, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(layout.ravel(y_bar), expected_y_bar, rtol=1e-10, atol=1e-12)
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-9), others, expected)


def test_lanes_have_their_own_steps_and_a_batch_in_the_state_shares_them():
    solve, rates = RungeKutta(DOPRI5), jnp.array([1.0, 30.0])
    y0 = jnp.linspace(0.1, 1.0, ALONE)

    def decay(t, y, p):
        return jax.tree.map(lambda x: -p * x, y)

    @jax.jit
    def alone(rate):
        def loss(y0):
            ys, stats = solve(decay, {"wide": y0, "small": y0[:2]}, TS, rate, rtol=1e-5)
            return jnp.sum(jnp.sin(ys["wide"])) + jnp.sum(ys["small"]), stats.accepted

        return jax.grad(loss, has_aux=True)(y0)

    (slow, few), (fast, many) = alone(rates[0]), alone(rates[1])
    lanes, steps = jax.vmap(alone)(rates)
    np.testing.assert_allclose(lanes, jnp.stack([slow, fast]), rtol=1e-10)
    assert steps.tolist() == [int(few), int(many)]
    assert few < many
    batch = jax.jit(lambda p: solve(decay, jnp.stack([y0, y0]), TS, p, rtol=1e-5)[1].accepted)(rates[:, None])
    assert few < int(batch) <= many


def test_no_wide_state_is_put_together_in_a_loop():
    """XLA makes of a concatenation a loop that is many times slower than copies."""
    closed = jax.make_jaxpr(jax.grad(lambda y0: jnp.sum(RungeKutta(DOPRI5)(f, y0, TS, 1.0)[0]["a"])))(state())

    def concatenations(jaxpr, within):
        for eqn in jaxpr.eqns:
            if eqn.primitive.name == "concatenate" and within:
                yield eqn.outvars[0].aval.size
            for inner in jaxprs_in_params(eqn.params):
                yield from concatenations(inner, within or eqn.primitive.name == "while")

    assert max(concatenations(closed.jaxpr, False), default=0) < ALONE

"""The continuous adjoint: right for everything that can be differentiated, around any solver."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from odebench.contract import SolveError, Stats
from odebench_jax.runge_kutta import RungeKutta
from odebench_jax_adjoint.method import bind, bind_seminorm
from odebench_jax_backprop.method import bind as bind_backprop
from odebench_rungekutta import BOSH3, DOPRI5, DOPRI8, RK4


@pytest.fixture(autouse=True)
def _double():
    """float64, and little of the time that XLA takes to optimise what runs once."""
    before = jax.config.values["jax_disable_most_optimizations"]
    jax.config.update("jax_disable_most_optimizations", True)
    with jax.enable_x64(True):
        yield
    jax.config.update("jax_disable_most_optimizations", before)


TS = np.array([0.2, 0.3, 1.0, 1.8])
Y0 = np.array([1.2, -0.4])
PARAMS = {"a": np.array([[-0.3, 1.1], [-0.9, 0.2]]), "b": np.array([0.5, -0.2])}
TIGHT = {"rtol": 1e-9, "atol": 1e-11}
SOLVE = RungeKutta(DOPRI5)


def f(t, y, p):
    return p["a"] @ jnp.tanh(y) + p["b"] * jnp.cos(t)


def loss(odeint, y0, ts, params):
    ys = odeint(f, y0, ts, params)
    return jnp.sum(jnp.arange(1.0, 1 + ys.size).reshape(ys.shape) * ys**2)


def gradient(odeint):
    """Compiled, of y0, times and parameters."""
    return jax.jit(jax.grad(lambda *args: loss(odeint, *args), (0, 1, 2)))


TIGHT_GRADIENT = gradient(bind(SOLVE, TIGHT))


@pytest.fixture(scope="module")
def exact():
    """The gradient ascending and descending, by central differences of solves at 1e-12."""
    with jax.enable_x64(True):
        precise = jax.jit(lambda *args: loss(bind(RungeKutta(DOPRI8), {"rtol": 1e-12, "atol": 1e-13}), *args))

        def differences(args):
            leaves, treedef = jax.tree.flatten(args)
            grads = [np.zeros_like(leaf) for leaf in leaves]
            for i, leaf in enumerate(leaves):
                for index in np.ndindex(leaf.shape):
                    for eps in (1e-4, -1e-4):
                        shifted = leaf.copy()
                        shifted[index] += eps
                        moved = precise(*jax.tree.unflatten(treedef, [*leaves[:i], shifted, *leaves[i + 1 :]]))
                        grads[i][index] += moved / (2 * eps)
            return jax.tree.unflatten(treedef, grads)

        return [differences((Y0, ts, PARAMS)) for ts in (TS, TS[::-1])]


def assert_close(found, expected, tolerance):
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=tolerance, atol=tolerance), found, expected)


SETTINGS = {
    "same": (SOLVE, TIGHT, {}),
    "landing": (RungeKutta(DOPRI8), TIGHT, {}),
    "seminorm": (SOLVE, TIGHT, {"adjoint_norm": "seminorm"}),
    "own tolerance": (SOLVE, {"rtol": 1e-12, "atol": 1e-12}, {"adjoint_rtol": 1e-9, "adjoint_atol": 1e-11}),
    "own solver": (SOLVE, TIGHT, {"adjoint_solver": RungeKutta(DOPRI8)}),
    "own norm": (SOLVE, TIGHT, {"adjoint_norm": lambda state: jnp.max(jnp.abs(state[1]))}),
    "forward norm": (SOLVE, TIGHT | {"norm": lambda y: jnp.max(jnp.abs(y))}, {}),
    "first step": (SOLVE, TIGHT | {"first_step": 0.5}, {}),
    "equal steps": (RungeKutta(RK4), {"num_steps": 400}, {}),
    "own steps": (SOLVE, TIGHT, {"adjoint_step": 0.005}),
    "fixed forward": (SOLVE, {"step": 0.005}, {"adjoint_num_steps": 400}),
}


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS.keys())
def test_gradient(setting, exact):
    """To 1e-6 of y0, params and every time, in both directions of time."""
    solve, options, own = setting
    found = gradient(bind(solve, options, **own))
    for ts, expected in zip((TS, TS[::-1]), exact, strict=True):
        assert_close(found(Y0, ts, PARAMS), expected, 1e-6)


def test_agrees_with_backprop():
    """At tight tolerance the continuous gradient is the discrete one."""
    discrete = gradient(bind_backprop(SOLVE, TIGHT))(Y0, TS, PARAMS)
    assert_close(TIGHT_GRADIENT(Y0, TS, PARAMS), discrete, 1e-6)


def counting(solve, counts):
    """A stranger: a black box with no first_step and no norm, that hands JAX no way to differentiate it."""

    @jax.custom_vjp
    def opaque(ys):
        return ys

    def refuse(*_):
        raise AssertionError("the adjoint must not differentiate the solver")

    opaque.defvjp(lambda ys: (ys, None), refuse)

    def stranger(f, y0, ts, params=None, *, rtol):
        ys, stats = solve(f, y0, ts, params, rtol=rtol, atol=1e-2 * rtol)
        jax.debug.callback(lambda n: counts.append(int(n)), stats.nfe)
        return jax.tree.map(opaque, ys), Stats(*stats[:4], 0.0)

    return stranger


def test_black_box(exact):
    """Any solver will do that fulfils the protocol with the options that it is given; once an interval, backwards."""
    counts = []
    assert_close(gradient(bind(counting(SOLVE, counts), {"rtol": 1e-9}))(Y0, TS, PARAMS), exact[0], 1e-6)
    jax.effects_barrier()
    assert len(counts) == 1 + (len(TS) - 1)


def test_step_is_handed_on():
    """Starting each interval with the last one's step saves what choosing a step anew costs."""
    ts, counts = np.linspace(0.2, 1.8, 20), {True: [], False: []}
    for hands_on, seen in counts.items():

        def solve(f, y0, ts, params=None, first_step=None, hands_on=hands_on, seen=seen, **options):
            ys, stats = SOLVE(f, y0, ts, params, first_step=first_step if hands_on else None, **options)
            jax.debug.callback(lambda n: seen.append(int(n)), stats.nfe)
            return ys, stats

        jax.block_until_ready(gradient(bind(solve, TIGHT))(Y0, ts, PARAMS))
    jax.effects_barrier()
    assert sum(counts[True][1:]) + 19 < sum(counts[False][1:])


@pytest.mark.parametrize("ends_with_one", [True, False])
def test_begins_with_the_step_that_the_forward_solve_ended_with(ends_with_one):
    """``first_step`` is of the time that the forward solve starts from; backwards only where it ended with none."""
    seen = []

    def solve(f, y0, ts, params=None, first_step=None, **options):
        ys, stats = SOLVE(f, y0, ts, params, first_step=first_step, **options)
        stats = stats._replace(next_step=stats.next_step * ends_with_one)
        jax.debug.callback(lambda *steps: seen.append(tuple(map(float, steps))), first_step, stats.next_step)
        return ys, stats

    options = TIGHT | {"first_step": 2**-10}
    jax.block_until_ready(gradient(bind(solve, options))(Y0, TS[:2], PARAMS))
    jax.effects_barrier()
    (first, ended), (begun, _) = seen
    assert first == 2**-10
    assert ended > 0.01 if ends_with_one else ended == 0
    assert begun == (ended if ends_with_one else first)


def test_inert_parameters():
    """Parameters without influence get zeros, and do not dilute the error of what has some."""
    idle = PARAMS | {"idle": np.ones(100_000)}
    of = gradient(bind(SOLVE, {"rtol": 1e-5, "atol": 1e-7}))
    alone, beside = of(Y0, TS, PARAMS), of(Y0, TS, idle)
    np.testing.assert_array_equal(beside[2].pop("idle"), 0.0)
    assert_close(beside, alone, 1e-12)


def test_captured():
    """What f has captured gets its gradient, with and without params, compiled and not."""
    expected = TIGHT_GRADIENT(Y0, TS, PARAMS)[2]["a"]
    odeint = bind(SOLVE, TIGHT)

    def captured(a):
        return loss(lambda f, y0, ts, p: odeint(lambda t, y: f(t, y, p | {"a": a}), y0, ts), Y0, TS, PARAMS)

    def half(a):
        return loss(lambda f, y0, ts, p: odeint(lambda t, y, b: f(t, y, b | {"a": a}), y0, ts, p), Y0, TS, PARAMS)

    for function in (jax.grad(captured), jax.jit(jax.grad(captured)), jax.grad(half), jax.grad(jax.jit(half))):
        np.testing.assert_allclose(function(PARAMS["a"]), expected, rtol=1e-6)


def test_state_trees():
    """Trees of states, integer parameters, unused outputs."""
    params = {"rate": jnp.asarray(0.7), "order": jnp.array([1, 0])}

    def g(t, y, p):
        return {"x": -p["rate"] * y["x"][p["order"]], "z": (y["x"].sum() * t,)}

    def last(y0, rate):
        ys = bind(SOLVE, TIGHT)(g, y0, TS, params | {"rate": rate})
        return ys["z"][0][-1]

    def reference(y0, rate):
        ys, _ = SOLVE(g, y0, TS, params | {"rate": rate}, **TIGHT)
        return ys["z"][0][-1]

    y0 = {"x": jnp.array([1.0, 2.0]), "z": (jnp.zeros(()),)}
    assert_close(jax.grad(last, (0, 1))(y0, 0.7), jax.grad(reference, (0, 1))(y0, 0.7), 1e-7)


def test_one_time():
    """With a single time the solution is y0 and so is its gradient."""
    grads = jax.grad(lambda *args: loss(bind(SOLVE, TIGHT), *args), (0, 1, 2))(Y0, TS[:1], PARAMS)
    np.testing.assert_allclose(grads[0], 2 * np.array([1.0, 2.0]) * Y0)
    assert all((leaf == 0).all() for leaf in jax.tree.leaves(grads[1:]))


def test_failures():
    """A failed forward solve raises; a failed backward one cannot, and gives NaN."""
    with pytest.raises(SolveError, match="max_steps"):
        bind(SOLVE, {"max_steps": 2})(f, Y0, TS, PARAMS)
    odeint = bind(SOLVE, {"rtol": 1e-3, "atol": 1e-3}, adjoint_rtol=1e-13, adjoint_atol=1e-14)
    limited = bind(SOLVE, {"rtol": 1e-3, "atol": 1e-3, "max_steps": 8}, adjoint_rtol=1e-13, adjoint_atol=1e-14)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient(odeint)(Y0, TS, PARAMS)))
    assert np.isfinite(limited(f, Y0, TS, PARAMS)).all()
    y0_bar, ts_bar, params_bar = gradient(limited)(Y0, TS, PARAMS)
    assert all(np.isnan(leaf).all() for leaf in jax.tree.leaves((y0_bar, ts_bar[0], params_bar)))
    with pytest.raises(ValueError, match="seminorm"):
        bind(SOLVE, {}, adjoint_norm="semi")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"adjoint_step": 0.1, "adjoint_num_steps": 3}, "not both"),
        ({"adjoint_num_steps": 2.5}, "whole number"),
        ({"adjoint_rtol": -1.0}, "rtol must not be negative"),
    ],
    ids=str,
)
def test_options_that_make_no_sense(options, message):
    """They are refused when bound, not in the first backward solve."""
    with pytest.raises(ValueError, match=message):
        bind(SOLVE, {}, **options)


def test_vmap():
    """Lanes over y0, times and parameters, each as alone."""
    odeint = bind(RungeKutta(BOSH3), {"rtol": 1e-5, "atol": 1e-7})
    y0, ts = np.stack([Y0, -2 * Y0]), np.stack([TS, 0.1 * TS])
    params = jax.tree.map(lambda p: np.stack([p, 0.3 * p]), PARAMS)
    lanes = jax.jit(jax.vmap(jax.grad(lambda *args: loss(odeint, *args), (0, 1, 2))))(y0, ts, params)
    summed = gradient(lambda f, *args: jax.vmap(lambda *args: odeint(f, *args))(*args)[0])(y0, ts, params)
    of = gradient(odeint)
    for lane in range(2):
        args = jax.tree.map(lambda x, lane=lane: x[lane], (y0, ts, params))
        alone = of(*args)
        assert_close(jax.tree.map(lambda x, lane=lane: x[lane], lanes), alone, 1e-9)
        if lane == 0:
            assert_close(jax.tree.map(lambda x: x[0], summed), alone, 1e-9)


def test_training_loop():
    """A compiled optax loop fits the parameters that made the data, without another compilation."""
    odeint, traces = bind(SOLVE, {"rtol": 1e-4, "atol": 1e-6}), []

    def traced(t, y, p):
        traces.append(1)
        return f(t, y, p)

    target = odeint(f, Y0, TS, PARAMS)
    optimizer = optax.adam(0.05)

    @jax.jit
    def step(params, state):
        value, grads = jax.value_and_grad(lambda p: jnp.mean((odeint(traced, Y0, TS, p) - target) ** 2))(params)
        updates, state = optimizer.update(grads, state)
        return optax.apply_updates(params, updates), state, value

    params = {"a": jnp.zeros((2, 2)), "b": jnp.zeros(2)}
    state, losses, counts = optimizer.init(params), [], []
    for _ in range(100):
        params, state, value = step(params, state)
        losses.append(value)
        counts.append(len(traces))
    assert losses[-1] < 1e-2 * losses[0]
    assert len(set(counts)) == 1


def test_seminorm_as_a_method():
    """By its own name it is the adjoint with that norm: fewer steps than without, where many parameters count."""
    solve, counts = RungeKutta(BOSH3), []

    def noting(*args, **options):
        ys, stats = solve(*args, **options)
        jax.debug.callback(lambda n: counts.append(int(n)), stats.nfe)
        return ys, stats

    def fast(t, y, p):
        return f(t, y, p) + p["b"][0] * jnp.sin(40 * t) * jnp.array([1.0, 0.0])

    def steps(odeint):
        counts.clear()
        grads = jax.jit(jax.grad(lambda p: odeint(fast, Y0, TS[[0, -1]], p)[-1].sum()))(PARAMS)
        jax.block_until_ready(grads)
        jax.effects_barrier()
        return counts[-1], grads

    options = {"rtol": 1e-4, "atol": 1e-6}
    (plain, expected), (fewer, found) = (steps(b(noting, options)) for b in (bind, bind_seminorm))
    assert fewer < plain
    assert_close(found, expected, 1e-2)

"""The jax engine: what it evaluates, where it lands, what it compiles, on every shape of state."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from odebench.tableau import ExplicitRungeKutta
from odebench_jax.runge_kutta import RungeKutta
from odebench_rungekutta import BOSH3, DOPRI5, DOPRI8, EULER, FEHLBERG45, RK4, TSIT5


@pytest.fixture(autouse=True)
def _double():
    """float64, and little of the time that XLA takes to optimise what runs once."""
    before = jax.config.values["jax_disable_most_optimizations"]
    jax.config.update("jax_disable_most_optimizations", True)
    with jax.enable_x64(True):
        yield
    jax.config.update("jax_disable_most_optimizations", before)


def pendulum(t, y):
    return jnp.stack([y[1], -0.25 * y[1] - 5.0 * jnp.sin(y[0]) + 0.1 * jnp.cos(t)])


solver = functools.cache(RungeKutta)  # which shares what it has compiled, with whoever solves the same
Y0 = np.array([np.pi - 0.1, 0.0])
TS = np.array([0.0, 0.7, 1.1, 3.0])


class Recorder:
    """f, and the times at which it was evaluated and traced."""

    def __init__(self, f):
        self.f, self.times, self.traces = f, [], 0

    def __call__(self, t, *args):
        self.traces += 1
        jax.debug.callback(lambda t: self.times.append(float(t)), t)
        return self.f(t, *args)


def solve_recorded(solve, f, *args, **options):
    recorder = Recorder(f)
    ys, stats = solve(recorder, *args, **options)
    jax.block_until_ready(ys)
    jax.effects_barrier()
    return ys, jax.tree.map(lambda x: x.item(), stats), recorder


ADAPTIVE = {"rtol": 1e-6, "atol": 1e-8}


@pytest.mark.parametrize("tableau", [DOPRI5, BOSH3, DOPRI8, FEHLBERG45], ids=lambda t: t.name)
@pytest.mark.parametrize("first_step", [None, 0.5])
def test_adaptive_nfe(tableau, first_step):
    """nfe is the number of run-time calls: two to start (one without a probe), then only new stages."""
    options = ADAPTIVE | {"first_step": first_step}
    _, stats, recorder = solve_recorded(solver(tableau), pendulum, Y0, TS, **options)
    attempts = stats.accepted + stats.rejected
    assert stats.rejected > 0
    starts = 1 if tableau.fsal else stats.accepted
    assert len(recorder.times) == stats.nfe
    assert stats.nfe == (first_step is None) + starts + (tableau.stages - 1) * attempts


@pytest.mark.parametrize(("tableau", "nfe"), [(EULER, 10), (RK4, 40), (DOPRI5, 61)])
def test_fixed_nfe(tableau, nfe):
    """N equal steps cost s·N evaluations, or 1 + (s-1)·N where the last stage is the next step's first."""
    _, stats, recorder = solve_recorded(solver(tableau), pendulum, Y0, TS[[0, -1]], num_steps=10)
    assert (stats.nfe, stats.accepted, stats.rejected, stats.next_step) == (nfe, 10, 0, 0.0)
    assert len(recorder.times) == nfe


@pytest.mark.parametrize("options", [{"num_steps": 30}, {"step": 0.1}, {}], ids=str)
def test_equal_steps_do_not_drift(options):
    """Knots are ts[0] + m·h and the last is ts[-1] itself, with no sliver; without h there is a step an output."""
    ts = np.linspace(0.0, 3.0, 31)
    _, stats, recorder = solve_recorded(solver(EULER), pendulum, Y0, ts if not options else ts[[0, -1]], **options)
    assert stats.accepted == 30
    np.testing.assert_allclose(recorder.times, ts[:-1], rtol=0, atol=4e-16)


def test_a_part_step_ends_a_fixed_solve():
    """What is left after the whole steps is a shorter step, but for a sliver, which the last step takes along."""
    for span, count in ((1.05, 11), (1.00005, 10), (0.99995, 10)):
        _, stats, _ = solve_recorded(solver(EULER), pendulum, Y0, np.array([0.0, span]), step=0.1)
        assert stats.accepted == count


@pytest.mark.parametrize("tableau", [DOPRI5, DOPRI8, RK4], ids=lambda t: t.name)
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_never_evaluates_beyond_the_last_time(tableau, sign):
    """All of f's times lie within ts, whose last is one of them for methods with a stage at c = 1."""
    options = {"num_steps": 7} if tableau is RK4 else ADAPTIVE
    _, _, recorder = solve_recorded(solver(tableau), pendulum, Y0, sign * TS, **options)
    times = sign * np.array(recorder.times)
    assert times.min() == 0.0
    assert times.max() == TS[-1]


@pytest.mark.parametrize("tableau", [DOPRI5, DOPRI8], ids=lambda t: t.name)
def test_descending_mirrors_ascending(tableau):
    """Backwards in time is the mirrored problem forwards, step for step."""
    solve = solver(tableau)
    forth, forth_stats = solve(lambda t, y: -pendulum(-t, y), Y0, TS, **ADAPTIVE)
    back, back_stats = solve(pendulum, Y0, -TS, **ADAPTIVE)
    np.testing.assert_allclose(back, forth, rtol=1e-13)
    assert jax.tree.map(int, back_stats[:4]) == jax.tree.map(int, forth_stats[:4])


@pytest.mark.parametrize("tableau", [DOPRI5, TSIT5, BOSH3], ids=lambda t: t.name)
def test_interior_outputs_cost_nothing(tableau):
    """With dense output the steps do not depend on the outputs, which are as good as the steps."""
    solve, dense_ts = solver(tableau), np.linspace(0.0, 3.0, 50)
    ys, stats = solve(pendulum, Y0, dense_ts, **ADAPTIVE)
    sparse, sparse_stats = solve(pendulum, Y0, dense_ts[[0, -1]], **ADAPTIVE)
    exact, _ = solver(DOPRI8)(pendulum, Y0, dense_ts, rtol=1e-12, atol=1e-13)
    assert stats.nfe == sparse_stats.nfe
    assert stats.accepted < 49 or tableau is BOSH3
    np.testing.assert_array_equal(ys[-1], sparse[-1])
    assert np.abs(ys - exact).max() < 20 * max(np.abs(sparse[-1] - exact[-1]).max(), 1e-6)


def test_clipped_step_is_remembered():
    """Landing on an output near by does not make the steps after it start small."""
    solve = solver(DOPRI8)
    _, plain = solve(pendulum, Y0, np.array([0.0, 3.0]), **ADAPTIVE)
    _, near = solve(pendulum, Y0, np.array([0.0, 1.0, 1.0 + 1e-5, 3.0]), **ADAPTIVE)
    assert near.accepted <= plain.accepted + 4


def test_number_of_steps_never_recompiles():
    """Tolerances, step sizes and times are arguments: f is traced for the first solve of a kind only."""
    solve, recorder = solver(DOPRI5), Recorder(pendulum)
    solve(recorder, Y0, TS, rtol=1e-3, atol=1e-4)
    solve(recorder, Y0, TS, num_steps=3)
    traces = recorder.traces
    assert traces < 10
    accepted = [
        int(solve(recorder, 0.5 * Y0, scale * TS, **options)[1].accepted)
        for scale, options in (
            (1.0, ADAPTIVE),
            (-4.0, {"rtol": 1e-9, "atol": 1e-9}),
            (1.0, {"num_steps": 99}),
        )
    ]
    assert recorder.traces == traces
    assert len(set(accepted)) == 3


def test_state_trees():
    """A tuple, list or dict of arrays is stepped like the one array of their numbers; leaves keep shape and dtype."""
    solve, y0 = solver(DOPRI5), {"a": jnp.ones((2, 3)), "b": [jnp.zeros(()), jnp.full((1,), 2.0, jnp.float32)]}

    def f(t, y, p):
        return {"a": -y["a"] * p, "b": [jnp.cos(t) * y["b"][1][0], -y["b"][1]]}

    ys, _ = solve(f, y0, TS, jnp.asarray(0.5), rtol=1e-9, atol=1e-11)
    assert jax.tree.map(lambda x: (x.shape, x.dtype), ys) == jax.tree.map(lambda x: ((4, *x.shape), x.dtype), y0)
    np.testing.assert_allclose(ys["a"][:, 1, 2], np.exp(-0.5 * TS), rtol=1e-8)
    np.testing.assert_allclose(ys["b"][1][:, 0], 2 * np.exp(-TS), rtol=1e-6)
    np.testing.assert_allclose(ys["b"][0][-1], 1 + np.exp(-3.0) * (np.sin(3.0) - np.cos(3.0)), rtol=1e-7)


@pytest.mark.parametrize("x64", [False, True])
def test_single_precision(x64):
    """float32 states stay float32 with and without x64, and t comes in ts' type."""
    with jax.enable_x64(x64):
        seen = []

        def f(t, y):
            seen.append((t.dtype, t.shape, y.dtype))
            return pendulum(t, y)

        ts = jnp.asarray(TS)
        ys, stats = solver(DOPRI5)(f, Y0.astype(np.float32), ts, rtol=1e-4, atol=1e-5)
        exact, _ = solver(DOPRI8)(pendulum, jnp.asarray(Y0), ts, rtol=1e-4 if not x64 else 1e-10)
        assert set(seen) == {(ts.dtype, (), np.dtype("float32"))}
        assert ys.dtype == jnp.float32
        assert stats.nfe.dtype == stats.status.dtype == jnp.int32
        assert np.abs(ys - exact).max() < 2e-2
        _, stats = solver(DOPRI5)(pendulum, Y0.astype(np.float32), np.array([0, 1]), rtol=1e-4, atol=1e-5)
        assert stats.next_step.dtype == jnp.float32


def test_one_time():
    """At a single time there is nothing to integrate."""
    ys, stats = solver(DOPRI5)(pendulum, Y0, np.array([2.0]))
    np.testing.assert_array_equal(ys, Y0[None])
    assert (stats.nfe, stats.accepted, stats.status) == (0, 0, 0)


def test_inert_leaves_do_not_dilute_the_error():
    """The default norm is the worst leaf's: a thousand zeros beside the state change no step, in it they do."""
    solve, zeros = solver(DOPRI5), np.zeros(1000)
    plain = solve(pendulum, Y0, TS, **ADAPTIVE)[1]
    beside = solve(lambda t, y: (pendulum(t, y[0]), 0 * y[1]), (Y0, zeros), TS, **ADAPTIVE)[1]
    within = solve(
        lambda t, y: jnp.concatenate([pendulum(t, y[:2]), 0 * y[2:]]), np.concatenate([Y0, zeros]), TS, **ADAPTIVE
    )[1]
    assert beside.nfe == plain.nfe
    assert within.nfe < plain.nfe


def test_norm_replaces_the_error_norm():
    """A norm is given the tree, and decides."""
    solve, y0 = solver(DOPRI5), (Y0, np.zeros(3))

    def f(t, y):
        return pendulum(t, y[0]), jnp.sin(40 * t) * jnp.ones(3)

    both = solve(f, y0, TS, **ADAPTIVE)[1]
    one = solve(f, y0, TS, **ADAPTIVE, norm=lambda y: jnp.sqrt(jnp.mean(y[0] ** 2)))[1]
    alone = solve(pendulum, Y0, TS, **ADAPTIVE)[1]
    assert one.nfe == alone.nfe < both.nfe


def test_tableau_of_lists():
    """A tableau need not be hashable."""
    tableau = dataclasses.replace(RK4, c=list(RK4.c), a=[list(row) for row in RK4.a], dense=None)
    assert isinstance(tableau, ExplicitRungeKutta)
    listed, stats = RungeKutta(tableau)(pendulum, Y0, TS[[0, -1]], num_steps=20)
    np.testing.assert_array_equal(listed, solver(RK4)(pendulum, Y0, TS[[0, -1]], num_steps=20)[0])
    assert stats.nfe == 80


class Unhashable:
    __hash__ = None

    def __call__(self, t, y):
        return pendulum(t, y)


def test_unhashable_dynamics():
    """f may be a callable that cannot be a key."""
    ys, _ = solver(DOPRI5)(Unhashable(), Y0, TS, **ADAPTIVE)
    np.testing.assert_array_equal(ys, solver(DOPRI5)(pendulum, Y0, TS, **ADAPTIVE)[0])


@pytest.mark.parametrize("tableau", [DOPRI5, DOPRI8, RK4], ids=lambda t: t.name)
def test_vmap(tableau):
    """Lanes that take different numbers of steps over different times are what they are alone, counts included."""
    solve = solver(tableau)
    options = {"step": 0.07} if tableau is RK4 else ADAPTIVE
    y0 = np.array([[3.0, 0.0], [0.1, 0.0], [1.0, -4.0]])
    ts = np.stack([TS, 0.2 * TS, -TS])
    ys, stats = jax.jit(jax.vmap(lambda y, t: solve(pendulum, y, t, **options)))(y0, ts)
    assert len(set(stats.accepted.tolist())) > 1
    for lane in range(3):
        alone, alone_stats = solve(pendulum, y0[lane], ts[lane], **options)
        np.testing.assert_allclose(ys[lane], alone, rtol=1e-7)
        assert [int(x[lane]) for x in stats[:4]] == [int(x) for x in alone_stats[:4]]


def test_within_scan_and_jit():
    """Solves chained in compiled code, interval by interval, handing on the step."""
    solve = solver(DOPRI5)

    @jax.jit
    def chained(y0, ts):
        def interval(carry, ends):
            y, step = carry
            ys, stats = solve(pendulum, y, jnp.stack(ends), **ADAPTIVE, first_step=step)
            return (ys[-1], stats.next_step), ys[-1]

        return jax.lax.scan(interval, (y0, jnp.asarray(0.01)), (ts[:-1], ts[1:]))[1]

    exact, _ = solver(DOPRI8)(pendulum, Y0, TS, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(chained(jnp.asarray(Y0), jnp.asarray(TS)), exact[1:], atol=1e-5)

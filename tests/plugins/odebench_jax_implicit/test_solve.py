"""Implicit Runge–Kutta methods in JAX: orders, stiff problems, large states, paths, and how a solve fails."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from odebench.adapter import Counts
from odebench.backends import default_registry, load_solve, solvers
from odebench.contract import SolveError, Status
from odebench_implicit import BACKWARD_EULER, KENCARP4, KVAERNO3, KVAERNO5, SDIRK2, TABLEAUS, TRAPEZOID, TRBDF2
from odebench_jax.adapter import JaxAdapter
from odebench_jax_implicit import linear
from odebench_jax_implicit.engine import ImplicitRungeKutta


@pytest.fixture(autouse=True)
def _double():
    """float64, and little of the time that XLA takes to optimise what runs once."""
    before = jax.config.values["jax_disable_most_optimizations"]
    jax.config.update("jax_disable_most_optimizations", True)
    with jax.enable_x64(True):
        yield
    jax.config.update("jax_disable_most_optimizations", before)


def spin(t, y):
    """A nonlinear, nonautonomous problem with the solution (exp(sin s), exp(cos s)), s = t + 0.8 sin t."""
    log, speed = jnp.log(y), 1 + 0.8 * jnp.cos(t)
    return jnp.stack([speed * y[0] * log[1], -speed * y[1] * log[0]])


def spun(t):
    s = t + 0.8 * np.sin(t)
    return np.array([np.exp(np.sin(s)), np.exp(np.cos(s))])


def van_der_pol(t, y, mu):
    return jnp.stack([y[1], mu * (1 - y[0] ** 2) * y[1] - y[0]])


def robertson(t, y):
    a, b, c = 0.04 * y[0], 1e4 * y[1] * y[2], 3e7 * y[1] ** 2
    return jnp.stack([-a + b, a - b - c, c])


@pytest.mark.parametrize(
    "tableau", [BACKWARD_EULER, SDIRK2, TRBDF2, KENCARP4, KVAERNO5], ids=lambda tableau: tableau.name
)
def test_order(tableau):
    """Fixed steps solve the stages to rounding: the order seen under halving is the tableau's, at t = 4."""
    solve = jax.jit(lambda n: ImplicitRungeKutta(tableau)(spin, spun(0.0), np.array([0.0, 4.0]), num_steps=n)[0][-1])
    n = {1: 2000, 2: 400, 3: 160, 4: 100, 5: 80}[tableau.order]
    coarse, fine = (np.abs(solve(m) - spun(4.0)).max() for m in (n, 2 * n))
    assert fine > 1e-13
    assert np.log2(coarse / fine) == pytest.approx(tableau.order, abs=0.25)


@pytest.mark.parametrize(
    ("tableau", "f", "y0", "t1", "params", "steps"),
    [
        (KVAERNO5, van_der_pol, [2.0, 0.0], 2000.0, 1000.0, 1500),
        (KVAERNO3, robertson, [1.0, 0.0, 0.0], 1e5, None, 2000),
    ],
)
def test_stiff_problems(tableau, f, y0, t1, params, steps):
    """Van der Pol's oscillator at mu = 1000 and Robertson's kinetics, against Radau, in few steps."""
    args = () if params is None else (params,)
    rhs = jax.jit(lambda t, y: f(t, y, *args))
    expected = solve_ivp(lambda t, y: np.asarray(rhs(t, y)), (0, t1), y0, method="Radau", rtol=1e-8, atol=1e-11).y[
        :, -1
    ]
    ys, stats = ImplicitRungeKutta(tableau)(f, np.array(y0), np.array([0.0, t1]), params, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(ys[-1], expected, rtol=2e-4)
    assert stats.accepted + stats.rejected < steps


def test_a_large_fixed_step_finds_the_solution_that_goes_on():
    """The first stages of Robertson's problem have two solutions; Newton's method must not end at the negative one."""
    ys, _ = ImplicitRungeKutta(BACKWARD_EULER)(
        robertson, np.array([1.0, 0.0, 0.0]), np.array([0.0, 40.0]), num_steps=400
    )
    np.testing.assert_allclose(ys[-1], [0.715827, 9.18553e-6, 0.284164], rtol=2e-3)


def test_matrix_free_is_dense(monkeypatch):
    """The same values and gradients, whether J is formed or not."""
    solve, w = ImplicitRungeKutta(KVAERNO3), np.random.default_rng(0).normal(size=(4, 4))

    def loss(y0, w, ts):
        return solve(lambda t, y, w: jnp.tanh(w @ y) - jnp.arange(4) * 50 * y, y0, ts, w, num_steps=5)[0].sum()

    found = []
    for dense in (4, 3):
        monkeypatch.setattr(linear, "DENSE", dense)
        found.append(jax.jit(jax.value_and_grad(loss, (0, 1, 2)))(np.ones(4), w, np.array([0.0, 0.4, 1.0])))
        jax.clear_caches()
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11), *found)


def test_nothing_as_large_as_the_jacobian():
    """For a state of n > 64, no array in the solve or in its gradient has n² elements."""
    n = 3 * linear.RESTART + 5

    solve = ImplicitRungeKutta(KVAERNO3)

    def loss(y0):
        return solve(lambda t, y: -(y**3), y0, np.array([0.0, 1.0]), max_steps=50, checkpoints=4)[0].sum()

    shapes = re.findall(r"\bf64\[([\d,]+)\]", str(jax.make_jaxpr(jax.grad(loss))(np.ones(n))))
    sizes = {int(np.prod([int(d) for d in shape.split(",")])) for shape in shapes}
    assert n * linear.RESTART <= max(sizes) < n * n


def test_counts():
    """The solver's own count of f is the harness's; a Jacobian is one batch of JVPs, at least one a step."""
    counts, adapter = Counts(), JaxAdapter("cpu", "float64")
    f = adapter.counted(spin, counts)
    _, stats = ImplicitRungeKutta(KVAERNO3)(f, spun(0.0), np.array([0.0, 1.0]), rtol=1e-4)
    adapter.flush()
    assert counts.f == stats.nfe
    attempts = stats.accepted + stats.rejected
    assert attempts <= counts.jvp < 2 * attempts


def test_path():
    """Dense output meets the outputs and lies between them as a solve to there does, under jit and vmap, either way."""
    solve, options = ImplicitRungeKutta(KVAERNO5), {"rtol": 1e-8, "atol": 1e-8, "max_steps": 500}
    for ts in (np.array([0.0, 0.5, 2.0]), np.array([2.0, 0.7, 0.0])):
        ys, _, path = solve.dense(spin, spun(ts[0]), ts, **options)
        np.testing.assert_array_equal(jax.jit(jax.vmap(path))(ts)[0], ys[0])
        np.testing.assert_allclose(jax.vmap(path)(ts), ys, rtol=1e-13)
        times = np.linspace(0, 2, 9)
        np.testing.assert_allclose(jax.vmap(path)(times), spun(times).T, rtol=2e-5)


def test_trees_dtypes_and_one_time():
    """Tuples and dicts of float32 stay what they are; at a single time nothing is done."""
    y0 = ({"a": np.ones(2, np.float32)}, np.ones((), np.float32))
    solve = ImplicitRungeKutta(TRAPEZOID)
    ys, _ = solve(lambda t, y: jax.tree.map(jnp.negative, y), y0, np.array([0.0, 1.0], np.float32), num_steps=20)
    assert ys[0]["a"].shape == (2, 2)
    assert {leaf.dtype for leaf in jax.tree.leaves(ys)} == {jnp.dtype("float32")}
    np.testing.assert_allclose(ys[0]["a"][-1], np.exp(-1), rtol=1e-3)
    ys, stats = solve(lambda t, y: y, y0, np.zeros(1))
    assert ys[1].shape == (1,)
    assert stats.nfe == 0


def wall(t, y):
    return jnp.where(t > 1.0, jnp.nan, -y)


CASES = [
    (KVAERNO3, spin, np.ones(2), {"max_steps": 3, "rtol": 1e-8}, Status.max_steps),
    (BACKWARD_EULER, wall, np.ones(1), {"num_steps": 20}, Status.non_finite),
    # 1 + y² has no root below y = 1 / h: Newton's method wanders.
    (BACKWARD_EULER, lambda t, y: 50 * (1 + y**2), np.zeros(1), {"num_steps": 20}, Status.underflow),
    (KVAERNO3, spin, np.array([2.0, 1.5]), {"min_step": 0.5, "rtol": 1e-8}, Status.underflow),
]


@pytest.mark.parametrize(("tableau", "f", "y0", "options", "status"), CASES)
def test_failures(tableau, f, y0, options, status):
    """Compiled, what was reached, NaN beyond it, and the status; eagerly, an exception that has it."""
    ts = np.array([0.0, 0.5, 1.5, 2.0])
    solve = ImplicitRungeKutta(tableau)
    ys, stats = jax.jit(lambda y: solve(f, y, ts, **options))(y0)
    assert stats.status == status
    reached = np.isfinite(ys).all(axis=1)
    assert reached[0]
    assert not reached[-1]
    assert list(reached) == sorted(reached, reverse=True)
    if status == Status.max_steps:
        with pytest.raises(SolveError) as caught:
            solve(f, y0, ts, **options)
        assert caught.value.status == status


def test_a_step_that_newton_does_not_solve_is_shortened():
    """From a first step far too large for the stages to be solved, to the right end."""
    solve = ImplicitRungeKutta(KVAERNO3)
    ys, stats = solve(lambda t, y: y**2, np.array([0.9]), np.array([0.0, 1.0]), rtol=1e-6, first_step=1.0)
    assert stats.rejected > 0
    np.testing.assert_allclose(ys[-1], 9.0, rtol=1e-3)


@pytest.mark.parametrize(
    "options", [{"step": 0.1, "num_steps": 3}, {"checkpoints": 0}, {"checkpoints": "some"}, {"rtol": -1.0}]
)
def test_bad_options(options):
    """Are named before anything is compiled."""
    with pytest.raises(ValueError, match=next(iter(options))):
        ImplicitRungeKutta(KVAERNO3)(spin, np.ones(2), np.array([0.0, 1.0]), **options)


def test_registered():
    """Every tableau is a solver of jax, and this is its engine."""
    registry = default_registry()
    found = {s.name: s for s in solvers(registry) if s.library == "jax" and s.implicit}
    assert set(found) >= {tableau.name for tableau in TABLEAUS}
    assert isinstance(load_solve(registry, found["kvaerno3"]), ImplicitRungeKutta)

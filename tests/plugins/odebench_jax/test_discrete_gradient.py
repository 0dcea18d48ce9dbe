"""The engine's own derivative rule is the exact gradient of the discrete map: of y0, params and every time."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from odebench_jax import tape
from odebench_jax.flat import Layout
from odebench_jax.forward import Knobs, Plan, integrate
from odebench_jax.runge_kutta import RungeKutta
from odebench_jax.stages import Stages
from odebench_jax.tape import Tape
from odebench_rungekutta import BOSH3, DOPRI5, DOPRI8, EULER, FEHLBERG45, HEUN2, RK4, TSIT5


@pytest.fixture(autouse=True)
def _double():
    """float64, and little of the time that XLA takes to optimise what runs once."""
    before = jax.config.values["jax_disable_most_optimizations"]
    jax.config.update("jax_disable_most_optimizations", True)
    with jax.enable_x64(True):
        yield
    jax.config.update("jax_disable_most_optimizations", before)


RNG = np.random.default_rng(0)
PARAMS = {"w": RNG.normal(size=(3, 3)), "b": RNG.normal(size=3), "scale": np.array(1.3)}
Y0 = RNG.normal(size=3)
TS = np.array([0.1, 0.5, 1.3, 2.0, 2.9, 3.3])
WEIGHTS = RNG.normal(size=(6, 3))


def f(t, y, p):
    return jnp.tanh(p["w"] @ y + p["b"] * jnp.sin(t)) * p["scale"] - 0.1 * y


def knots_of(tableau, y0, ts, params, options):
    """The knots of the accepted steps, from the forward loop's own record."""
    given = dict.fromkeys(Knobs._fields) | {"min_step": 0.0, "rtol": 1e-7, "atol": 1e-9} | options
    adaptive = tableau.adaptive and given["step"] is None and given["num_steps"] is None
    fixed = given["step"] is not None or given["num_steps"] is not None
    plan = Plan(
        f=lambda t, parts, p: [f(t, *parts, p)],
        stages=Stages(tableau),
        norm=Layout.of(y0).norm,
        max_steps=10_000,
        adaptive=adaptive,
        landing=tableau.dense is None or not (adaptive or fixed),
    )

    @jax.jit
    def run(y0, ts, params):
        empty = Tape.empty(y0, ts[0], tableau.stages, 10_000)
        _, stats, tape = integrate(plan, y0, ts, params, Knobs(**given), empty)
        return stats, tape.knots

    stats, knots = run(y0, ts, params)
    assert stats.status == 0
    return np.asarray(knots)[: int(stats.accepted) + 1], adaptive


def ties_of(knots, ts, adaptive, options):
    """Each knot as ``constant + row @ ts``: the reading of the contract that the gradient is held to."""
    base, ties = 0, []
    landed = set(ts.tolist())
    for knot in knots:
        row = np.zeros(len(ts))
        if knot in landed and (not options.get("dense") or not adaptive or knot in (ts[0], ts[-1])):
            base = int(np.flatnonzero(ts == knot)[0])
            row[base] = 1.0
        elif "num_steps" in options:
            part = (knot - ts[0]) / (ts[-1] - ts[0])
            row[0], row[-1] = 1 - part, part
        else:
            row[base if adaptive else 0] = 1.0
        ties.append((knot - row @ ts, row))
    return ties


def unrolled(tableau, ties, knots, y0, ts, params):
    """The discrete map as a plain Python loop over steps of given size, for JAX to differentiate by itself."""
    a, b, c = ([float(x) for x in row] for row in (tableau.a[-1], tableau.b, tableau.c))
    a = [[float(x) for x in row] for row in tableau.a]
    outputs, y = [y0], y0
    for n in range(len(knots) - 1):
        t0, t1 = (constant + row @ ts for constant, row in ties[n : n + 2])
        h, k = t1 - t0, []
        for i in range(tableau.stages):
            stage = y + h * sum((x * k_j for x, k_j in zip(a[i], k, strict=True)), jnp.zeros_like(y))
            k.append(f(t0 + c[i] * h, stage, params))
        while len(outputs) < len(ts) - 1 and abs(ts[len(outputs)] - knots[0]) <= abs(knots[n + 1] - knots[0]):
            tau = ts[len(outputs)]
            if tableau.dense is None:
                assert tau == knots[n + 1]
                outputs.append(y + h * sum(b_i * k_i for b_i, k_i in zip(b, k, strict=True)))
                continue
            theta = (tau - t0) / h
            weights = [sum(float(d) * theta ** (m + 1) for m, d in enumerate(row)) for row in tableau.dense]
            outputs.append(y + h * sum(w * k_i for w, k_i in zip(weights, k, strict=True)))
        y = y + h * sum(b_i * k_i for b_i, k_i in zip(b, k, strict=True))
    return jnp.stack([*outputs, y])


CASES = [
    pytest.param(tableau, options, ts, id=f"{tableau.name}-{kind}")
    for tableau, options, ts, kind in [
        (DOPRI5, {"rtol": 1e-3, "atol": 1e-4}, TS, "adaptive"),
        (TSIT5, {"rtol": 1e-4, "atol": 1e-5, "first_step": 2.0}, TS[::-1], "adaptive-descending"),
        (FEHLBERG45, {"rtol": 1e-4, "atol": 1e-5}, TS, "landing"),
        (BOSH3, {"step": 0.17}, TS, "step"),
        (BOSH3, {"step": 0.2}, TS, "step-on-outputs"),
        (TSIT5, {"num_steps": 8}, TS[::-1], "num-steps-on-outputs-descending"),
        (FEHLBERG45, {"step": 0.4}, TS, "step-landing"),
        (DOPRI8, {"num_steps": 5}, TS, "num-steps-landing"),
        (RK4, {"num_steps": 7}, TS, "num-steps"),
        (RK4, {"num_steps": 7}, TS[::-1], "num-steps-descending"),
        (HEUN2, {}, TS, "step-an-output"),
    ]
]


@pytest.mark.parametrize(("tableau", "options", "ts"), CASES)
def test_exact_gradient(tableau, options, ts):
    """To 1e-12 that of the same steps unrolled in Python, with knots tied to times as the contract says."""
    knots, adaptive = knots_of(tableau, Y0, ts, PARAMS, options)
    dense = tableau.dense is not None and bool(options)
    ties = ties_of(knots, ts, adaptive, options | {"dense": dense})

    def loss(solve):
        return lambda y0, ts, params: jnp.sum(WEIGHTS * solve(y0, ts, params))

    def engine(y0, ts, params):
        return RungeKutta(tableau)(f, y0, ts, params, **options)[0]

    plain = jax.value_and_grad(loss(functools.partial(unrolled, tableau, ties, knots)), (0, 1, 2))(Y0, ts, PARAMS)
    ours = jax.jit(jax.value_and_grad(loss(engine), (0, 1, 2)))(Y0, ts, PARAMS)
    scale = max(np.abs(leaf).max() for leaf in jax.tree.leaves(plain))
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=0, atol=1e-12 * scale), ours, plain)


def compiled(tableau):
    """The gradient of 83 steps, as the module ``tape`` is now; as it was written, a tape holds all of them."""

    def loss(y0, ts, params):
        return jnp.sum(WEIGHTS * RungeKutta(tableau)(f, y0, ts, params, num_steps=83)[0])

    return jax.jit(jax.grad(loss, (0, 1, 2)))(Y0, TS, PARAMS)


@pytest.mark.parametrize("tableau", [BOSH3, HEUN2], ids=lambda t: t.name)
def test_more_steps_than_slots(monkeypatch, tableau):
    """Steps that were dropped from the tape are taken again: the gradient is that of a tape that holds all."""
    full = compiled(tableau)
    for fewest, spare in ((4, 8), (4, 0), (16, 2)):
        monkeypatch.setattr(tape, "FEWEST", fewest)
        monkeypatch.setattr(tape, "MOST", fewest)
        monkeypatch.setattr(tape, "SPARE", spare)
        jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-11), compiled(tableau), full)


def test_taking_steps_again_is_bounded(monkeypatch):
    """With S = 2^k steps between kept rows, log2(S)/2 + 1 further passes over the steps at most (here k = 4)."""
    monkeypatch.setattr(tape, "FEWEST", 16)
    monkeypatch.setattr(tape, "MOST", 16)
    calls = []

    def counted(t, y):
        jax.debug.callback(lambda: calls.append(1))
        return jnp.sin(y) + t

    def loss(y0):
        return RungeKutta(EULER)(counted, y0, TS[[0, -1]], num_steps=128)[0][-1].sum()

    jax.block_until_ready(jax.jit(jax.grad(loss))(Y0))
    jax.effects_barrier()
    forward_and_reverse = 2 * 128
    assert forward_and_reverse < len(calls) <= forward_and_reverse + 3 * 128


def test_memory_does_not_follow_max_steps():
    """A bound a hundred times higher costs its times (a number each), not its states."""

    def compiled(max_steps):
        def loss(y0):
            return RungeKutta(DOPRI5)(lambda t, y: -y, y0, TS, max_steps=max_steps)[0][-1].sum()

        return jax.jit(jax.grad(loss)).lower(jnp.ones(1000)).compile().memory_analysis().temp_size_in_bytes

    assert compiled(100_000) - compiled(1000) < 1.1 * 8 * 99_000
    assert compiled(1000) < 2 * tape.MEMORY


def test_number_of_steps_never_recompiles_the_gradient():
    """f is traced for the first gradient only, whatever the tolerance, the times and the number of steps."""
    traces, solve = [], RungeKutta(DOPRI5)

    def traced(t, y, p):
        traces.append(1)
        return f(t, y, p)

    @jax.jit
    def gradient(y0, ts, rtol):
        return jax.grad(lambda y0: solve(traced, y0, ts, PARAMS, rtol=rtol)[0][-1].sum())(y0)

    gradient(Y0, TS, 1e-3)
    count = len(traces)
    assert count < 10
    for scale, rtol in ((1.0, 1e-10), (-2.0, 1e-5)):
        assert np.isfinite(gradient(Y0, scale * TS, rtol)).all()
    assert len(traces) == count


@pytest.mark.parametrize(("ts", "last_stage"), [(TS, 1), (TS[[0, -1]], 0)], ids=["dense", "ends"])
def test_vjps_are_as_few_as_stages(ts, last_stage):
    """6 · accepted VJPs for dopri5, none for rejected attempts, and as many evaluations of f with them.

    One more where outputs may lie in the last step: only they depend on its last stage.
    """
    calls = {"f": 0, "vjp": 0}

    def count(name):
        jax.debug.callback(lambda: calls.update({name: calls[name] + 1}))

    @jax.custom_vjp
    def counted(t, y, p):
        count("f")
        return f(t, y, p)

    def forward(t, y, p):
        count("f")
        return jax.vjp(f, t, y, p)

    def backward(pull, g):
        count("vjp")
        return pull(g)

    counted.defvjp(forward, backward)
    options = {"rtol": 1e-4, "atol": 1e-5, "first_step": 2.0}
    _, stats = RungeKutta(DOPRI5)(f, Y0, ts, PARAMS, **options)
    assert stats.rejected > 0
    loss = jax.jit(jax.grad(lambda p: RungeKutta(DOPRI5)(counted, Y0, ts, p, **options)[0].sum()))
    jax.block_until_ready(loss(PARAMS))
    jax.effects_barrier()
    assert calls["vjp"] == last_stage + 6 * stats.accepted
    assert calls["f"] == stats.nfe + calls["vjp"]


@pytest.mark.parametrize("tableau", [DOPRI5, FEHLBERG45], ids=lambda t: t.name)
def test_vmap(tableau):
    """grad of vmap and vmap of grad, over y0, params and ts of lanes that differ in their number of steps."""
    solve = RungeKutta(tableau)
    options = {"rtol": 1e-6, "atol": 1e-8}

    def loss(y0, ts, scale):
        return jnp.sum(WEIGHTS * solve(f, y0, ts, PARAMS | {"scale": scale}, **options)[0])

    y0, ts = np.stack([Y0, 3 * Y0, -Y0]), np.stack([TS, 0.1 * TS, -0.7 * TS])
    scale = np.array([1.3, 0.2, 0.7])
    gradient = jax.grad(loss, (0, 1, 2))
    alone = [gradient(*lane) for lane in zip(y0, ts, scale, strict=True)]
    expected = jax.tree.map(lambda *lanes: np.stack(lanes), *alone)
    lanes = jax.jit(jax.vmap(gradient))(y0, ts, scale)
    summed = jax.grad(lambda *args: jax.vmap(loss)(*args).sum(), (0, 1, 2))(y0, ts, scale)
    for found in (lanes, summed):
        jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-8, atol=1e-9), found, expected)


def test_captured_and_unused():
    """Tensors that f has captured get their gradient, integers none, and what is not used zero."""
    solve, w = RungeKutta(DOPRI5), jnp.asarray(PARAMS["w"])

    def captured(w):
        return solve(lambda t, y: jnp.tanh(w @ y), Y0, TS, rtol=1e-6)[0][-1].sum()

    def passed(p):
        return solve(lambda t, y, p: jnp.tanh(p["w"] @ y), Y0, TS, p, rtol=1e-6)[0][-1].sum()

    expected = jax.jit(jax.grad(passed))({"w": w, "unused": jnp.ones(2)})
    np.testing.assert_array_equal(expected["unused"], 0.0)
    for wrap in (lambda g: g, jax.jit):
        np.testing.assert_allclose(wrap(jax.grad(captured))(w), expected["w"], rtol=1e-12)
    index = {"w": w, "row": jnp.array([2, 0, 1])}

    def indexed(w):
        p = index | {"w": w}
        return solve(lambda t, y, p: jnp.tanh(p["w"] @ y[p["row"]]), Y0, TS, p, rtol=1e-6)[0][-1].sum()

    permuted = jnp.zeros((3, 3)).at[:, index["row"]].set(w)
    np.testing.assert_allclose(jax.grad(indexed)(w), jax.grad(captured)(permuted)[:, index["row"]], rtol=1e-9)


def test_state_trees_and_mixed_types():
    """Cotangents have the structure and the types of what they belong to."""
    y0 = {"a": jnp.ones((2, 2)), "b": (jnp.ones((), jnp.float32),)}

    def g(t, y, p):
        return {"a": -p * y["a"] * y["b"][0], "b": (jnp.sin(y["b"][0]) * t,)}

    def loss(y0, ts, p):
        ys, _ = RungeKutta(DOPRI5)(g, y0, ts, p, rtol=1e-7)
        return ys["a"].sum() + ys["b"][0][1:].sum()

    args = (y0, jnp.asarray(TS), jnp.asarray(0.4))
    grads = jax.grad(loss, (0, 1, 2))(*args)
    types = jax.tree.map(lambda x: (x.shape, x.dtype), (grads, args))
    assert types[0] == types[1]
    np.testing.assert_allclose(
        grads[2], (loss(y0, args[1], 0.4 + 1e-5) - loss(y0, args[1], 0.4 - 1e-5)) / 2e-5, rtol=1e-3
    )

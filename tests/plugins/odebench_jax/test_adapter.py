"""The jax adapter measures what it says: exact counts at run time, XLA's own bytes, plain SGD, values that survive."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from odebench.adapter import Counts
from odebench_jax.adapter import JaxAdapter
from odebench_jax.runge_kutta import RungeKutta
from odebench_rungekutta import DOPRI5, RK4

TREE = {"a": np.array([1.5, -2.25]), "b": {"c": np.arange(6, dtype=np.float32).reshape(2, 3)}, "n": np.array([1, 2])}
MODES = ("jax_enable_x64", "jax_default_matmul_precision", "jax_default_device")


@pytest.fixture(autouse=True)
def _modes():
    """The global modes that ``activate`` sets are put back."""
    before = {name: jax.config.values[name] for name in MODES}
    yield
    for name, value in before.items():
        jax.config.update(name, value)


@pytest.fixture(params=["float32", "float64"])
def adapter(request):
    adapter = JaxAdapter("cpu", request.param)
    adapter.activate()
    return adapter


@pytest.fixture
def double():
    adapter = JaxAdapter("cpu", "float64")
    adapter.activate()
    return adapter


def test_arrays_survive_the_trip(adapter):
    """Structure, shapes and values; floating ones in the adapter's dtype, integers stay integers."""
    there = adapter.asarray(TREE)
    assert there["a"].dtype == there["b"]["c"].dtype == adapter.dtype
    assert jnp.issubdtype(there["n"].dtype, jnp.integer)
    back = adapter.numpy(there)
    np.testing.assert_equal(back, {**TREE, "n": np.array([1, 2])})
    assert back["a"].dtype == adapter.dtype
    assert [leaf.shape for leaf in adapter.leaves(there)] == [(2,), (2, 3), (2,)]
    assert adapter.zeros_like(there)["b"]["c"].tolist() == [[0] * 3] * 2


def test_activate_follows_the_adapters_dtype():
    """Two adapters in one process: whichever was activated last says what a float is."""
    single, double = JaxAdapter("cpu", "float32"), JaxAdapter("cpu", "float64")
    for adapter in (double, single, double):
        adapter.activate()
        assert jnp.asarray(0.5).dtype == adapter.dtype
        assert jnp.ones(2).devices() == {adapter.device}


def test_value_and_grad(double):
    """Gradients of what is used, and zeros for what is not."""
    params = double.asarray({"w": np.array([1.0, 2.0]), "unused": np.array([3.0, 4.0, 5.0])})
    loss = double.value_and_grad(lambda p, x: (p["w"] * x).sum() ** 2)
    value, grads = loss(params, double.asarray(np.array([3.0, 4.0])))
    assert value == 121
    assert grads["w"].tolist() == [66.0, 88.0]
    assert grads["unused"].tolist() == [0.0, 0.0, 0.0]


def decay(t, y, p):
    return -p["k"] * y * t


ARGUMENTS = (np.array([1.0, 2.0]), {"k": np.array(2.0), "m": np.array(3.0)})


def counts_of(adapter, function, *args):
    """Counts of one run of a compiled function that takes the counted dynamics, and of a second run."""
    counts = Counts()
    compiled = jax.jit(lambda *args: function(adapter.counted(decay, counts), *args))
    found = []
    for _ in range(2):
        adapter.block(compiled(*adapter.asarray(args)))
        adapter.flush()
        found.append((counts.f, counts.vjp))
        counts.f = counts.vjp = 0
    assert found[0] == found[1]
    return found[0]


def test_counts_outside_compiled_code(double):
    """One evaluation, one count."""
    counts = Counts()
    f = double.counted(decay, counts)
    y, p = double.asarray(ARGUMENTS)
    for _ in range(3):
        out = f(jnp.asarray(2.0), y, p)
    double.flush()
    assert out.tolist() == [-4.0, -8.0]
    assert (counts.f, counts.vjp) == (3, 0)


def test_counts_inside_a_while_loop(double):
    """As often as the loop goes round, which only the run knows; traced or compiled again or not."""

    def solve(f, y, p):
        return lax.while_loop(lambda c: c[0] < 7, lambda c: (c[0] + 1, c[1] + 0.1 * f(1.0, c[1], p)), (0, y))

    assert counts_of(double, solve, *ARGUMENTS) == (7, 0)


def test_counts_of_vjps(double):
    """In a scan of five evaluations, differentiated: five of each; identical calls are not merged."""

    def loss(f, y, p):
        y, _ = lax.scan(lambda y, _: (y + 0.1 * f(1.0, y, p), None), y, None, length=5)
        return (y + f(0.5, y, p) + f(0.5, y, p)).sum()

    assert counts_of(double, lambda f, y, p: jax.value_and_grad(loss, 2)(f, y, p), *ARGUMENTS) == (7, 7)


def test_counts_of_a_pullback_used_in_a_loop(double):
    """Each pass through a VJP counts, however few evaluations it goes with: an adjoint's backward solve."""

    def backward(f, y, p):
        def body(i, a):
            _, pull = jax.vjp(lambda y: f(1.0, y, p), y)
            return a + pull(a)[0] + pull(2 * a)[0]

        return lax.fori_loop(0, 4, body, y)

    assert counts_of(double, backward, *ARGUMENTS) == (4, 8)


def test_counts_under_vmap(double):
    """A batch is one evaluation, as it is in the other framework; in a loop that is differentiated, too."""

    def loss(f, y, p):
        y, _ = lax.scan(lambda y, _: (y + 0.1 * f(1.0, y, p), None), y, None, length=5)
        return y.sum()

    def batched(f, y, p):
        return jax.vmap(jax.value_and_grad(loss, 1), (None, 0, None))(
            jax.tree_util.Partial(f), jnp.stack([y, 2 * y]), p
        )

    assert counts_of(double, batched, *ARGUMENTS) == (5, 5)


def test_counts_of_jvps(double):
    """One for each tangent pushed through, in loops that only forward mode can differentiate; n at once are one."""

    def solve(f, y, p):
        return lax.while_loop(lambda c: c[0] < 7, lambda c: (c[0] + 1, c[1] + 0.1 * f(1.0, c[1], p)), (0, y))[1]

    def jvp(f, y, p):
        return jax.jvp(lambda y: solve(f, y, p), (y,), (y,))

    def jacobian(f, y, p):
        return jax.jacfwd(lambda y: solve(f, y, p))(y)

    def linearized(f, y, p):
        _, push = jax.linearize(lambda y: f(1.0, y, p), y)
        return push(y) + push(2 * y) + jax.vmap(push)(jnp.eye(2)).sum()

    def jacobians(f, y, p):
        return jax.vmap(lambda y: jacobian(f, y, p))(jnp.stack([y, 2 * y]))

    y, p = double.asarray(ARGUMENTS)
    for function, expected in (
        (jvp, (7, 0, 7)),
        (jacobian, (7, 0, 7)),
        (linearized, (1, 0, 3)),
        (jacobians, (7, 0, 7)),
    ):
        counts = Counts()
        found = jax.jit(lambda y, p, function=function, counts=counts: function(double.counted(decay, counts), y, p))(
            y, p
        )
        double.flush()
        assert (counts.f, counts.vjp, counts.jvp) == expected, function.__name__
        jax.tree_util.tree_map(np.testing.assert_array_equal, found, jax.jit(function, static_argnums=0)(decay, y, p))


def test_times_that_f_is_called_at(double):
    """The earliest and the latest, of all lanes, of what was run and not of what was traced."""
    counts = Counts()
    f = double.counted(decay, counts)
    y, p = double.asarray(ARGUMENTS)

    @jax.jit
    def calls(t):
        late = lax.cond(t > 0, lambda: f(t + 100, y, p), lambda: y)
        return late + jax.vmap(f, (0, None, None))(jnp.stack([t, t - 3, t + 2]), y, p).sum()

    double.block(calls(-1.0))
    double.flush()
    assert (counts.earliest, counts.latest, counts.f) == (-4.0, 1.0, 1)


def test_bfloat16():
    """A dtype that NumPy has not: arrays are cast, solved in, and come back as float32."""
    adapter = JaxAdapter("cpu", "bfloat16")
    adapter.activate()
    y = adapter.asarray({"x": np.array([1.0, 1.00390625 + 1e-3]), "n": np.arange(2)})
    assert (y["x"].dtype, y["n"].dtype) == (jnp.bfloat16, jnp.int32)
    back = adapter.numpy(y)
    assert (back["x"].dtype, back["x"].tolist()) == (np.float32, [1.0, 1.0078125])
    c_f, _ = adapter.bare_cost(lambda t, y, p: -p * y, 0.5, y["x"], adapter.asarray(np.ones(2)), 0.001)
    assert c_f > 0
    ts, options = adapter.asarray(np.linspace(0, 1, 3)), {"rtol": 0.03, "atol": 0.03}
    ys, _ = adapter.forward(lambda y: RungeKutta(DOPRI5)(lambda t, y: -y, y, ts, **options))(y["x"])
    assert ys.dtype == jnp.bfloat16
    np.testing.assert_allclose(adapter.numpy(ys)[:, 0], np.exp(-np.linspace(0, 1, 3)), rtol=0.03)


def test_counting_changes_no_value(double):
    """Neither f nor its derivative with respect to time, state and parameters."""
    f = double.counted(decay, Counts())
    t, (y, p) = jnp.asarray(2.0), double.asarray(ARGUMENTS)
    plain, counted = (jax.grad(lambda *a, f=f: f(*a).sum(), (0, 1, 2))(t, y, p) for f in (decay, f))
    jax.tree_util.tree_map(np.testing.assert_array_equal, plain, counted)
    double.flush()


def test_counted_dynamics_may_capture(double):
    """What f has captured gets its gradient, and is counted, in a compiled solve and outside one."""
    counts, solve = Counts(), RungeKutta(RK4)
    p, y0 = double.asarray({"w": np.array(0.7)}), double.asarray(np.array([1.0, 2.0]))

    def loss(p, wrap=lambda f: f):
        return solve(wrap(lambda t, y: -p["w"] * y), y0, np.array([0.0, 1.0]), num_steps=5)[0][-1].sum()

    def counted(p):
        return loss(p, lambda f: double.counted(f, counts))

    plain = jax.value_and_grad(loss)(p)
    for wrap in (lambda g: g, jax.jit):
        counts.f = counts.vjp = 0
        found = wrap(jax.value_and_grad(counted))(p)
        double.flush()
        jax.tree_util.tree_map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-14), found, plain)
        assert (counts.f, counts.vjp) == (40, 20)


def test_device_peak(double, monkeypatch):
    """Of a device that says so; nothing of one that does not, and never in ``memory``, which is of one gradient."""

    class Device:
        def __init__(self, stats):
            self.memory_stats = lambda: stats

    for stats, peak in ((None, {}), ({"bytes_in_use": 1}, {}), ({"peak_bytes_in_use": 7}, {"device_peak_bytes": 7.0})):
        monkeypatch.setattr(double, "device", Device(stats))
        assert double.device_peak() == peak
        assert "device_peak_bytes" not in double.memory(lambda p, x: p["w"] * x, {"w": jnp.ones(())}, jnp.ones(()))


def test_memory_of_a_known_function(double):
    """XLA needs room for intermediates, more of them for a larger batch; and reports the same each time."""

    def loss(p, x):
        return jnp.tanh(p["w"] @ jnp.tanh(p["w"] @ x)).sum()

    params = double.asarray({"w": np.ones((64, 64))})
    small, large, again = (double.memory(loss, params, jnp.ones((64, n))) for n in (64, 512, 512))
    assert small["temp_bytes"] > 64 * 64 * 8
    assert large == again
    assert large["temp_bytes"] - small["temp_bytes"] >= 64 * (512 - 64) * 8
    assert large["memory_bytes"] >= large["temp_bytes"] + 64 * 64 * 8


def test_prepare_compiles_without_running(double):
    """The prepared function has not run, and gives what the function gives."""
    runs = []

    def function(p, x):
        jax.debug.callback(lambda: runs.append(1))
        return (p["w"] * x).sum()

    arguments = double.asarray(({"w": np.array([1.0, 2.0])}, np.array([3.0, 4.0])))
    prepared = double.prepare(double.value_and_grad(function), *arguments)
    double.flush()
    assert runs == []
    value, grads = prepared(*arguments)
    double.flush()
    assert (value, grads["w"].tolist(), runs) == (11, [3.0, 4.0], [1])


def test_elapsed_times_a_call_that_is_made_once(double):
    """No repetition, no warm-up of its own."""
    calls = []
    assert double.elapsed(lambda: calls.append(1)) > 0
    assert calls == [1]


def test_bare_cost(double):
    """Two positive times, of dynamics with and without use of time and parameters."""
    for f in (lambda t, y, p: -p["k"] * y, lambda t, y, p: y * t):
        c_f, c_fv = double.bare_cost(f, 0.5, jnp.ones(2), {"k": jnp.ones(())}, 0.001)
        assert c_f > 0
        assert c_fv > 0


def test_bare_cost_bakes_nothing_in(double, monkeypatch):
    """Time and parameters are no constants of the loop: its trace has only the numbers that the nudges have."""
    loops = []
    monkeypatch.setattr(double, "_per_call", lambda body, given, carry, _: loops.append((body, given, carry)) or 1.0)
    params = double.asarray({"k": np.arange(3.0)})
    double.bare_cost(lambda t, y, p: jnp.sin(t) * p["k"] * y, 0.5, jnp.ones(3), params, 0.001)
    for body, given, carry in loops:
        traced = jax.make_jaxpr(body)(given, carry)
        assert traced.consts == []
        moved = jax.jit(body)((jnp.asarray(0.25), given[1]), carry)
        assert moved[0] == 0.75
    assert len(loops) == 2


def test_environment_and_devices():
    """What a number may depend on; the CPU comes first."""
    assert JaxAdapter.devices()[0] == "cpu"
    assert JaxAdapter.environment()["jax"] == jax.__version__

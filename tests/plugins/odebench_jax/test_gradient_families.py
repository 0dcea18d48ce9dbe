"""Every gradient method of JAX against one reference that shares no code with them: SciPy's solves, differenced."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from odebench import backend
from odebench.contract import SolveError


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
A = np.array([[-0.3, 1.1], [-0.9, 0.2]])
PARAMS = {"b": np.array([0.5, -0.2]), "unused": np.ones(3)}
WEIGHTS = np.arange(1.0, 9.0).reshape(4, 2)

OPTIONS = {"dopri5": {"rtol": 1e-9, "atol": 1e-11}, "rk4": {"num_steps": 400}, "reversible_heun": {"num_steps": 4000}}
METHODS = ["adjoint", "backprop", "checkpoint", "aca", "finite_difference", "forward", "interpolated", "seminorm"]
BACKENDS = [f"{solver}/{method}" for solver in ("dopri5", "rk4") for method in METHODS]
BACKENDS += ["reversible_heun/reversible", "reversible_heun/forward"]


def f(xp, t, y, a, b):
    return a @ xp.tanh(y) + b * xp.cos(t)


def gradient(odeint):
    """Compiled, of y0, times, parameters, and of what the dynamics have captured."""

    def loss(y0, ts, params, a):
        return jnp.sum(WEIGHTS * odeint(lambda t, y, p: f(jnp, t, y, a, p["b"]), y0, ts, params) ** 2)

    return jax.grad(loss, (0, 1, 2, 3))


@pytest.fixture(scope="module")
def exact():
    """The gradient ascending and descending: central differences of DOP853 at 1e-13."""

    def loss(y0, ts, params, a):
        def field(t, y):
            return f(np, t, y, a, params["b"])

        solved = solve_ivp(field, (ts[0], ts[-1]), y0, "DOP853", ts, rtol=1e-13, atol=1e-14, dense_output=False)
        # Output times are steps of their own: no interpolation.
        ys = [y0]
        for t0, t1 in itertools.pairwise(ts):
            ys.append(solve_ivp(field, (t0, t1), ys[-1], "DOP853", rtol=1e-13, atol=1e-14).y[:, -1])
        np.testing.assert_allclose(np.stack(ys), solved.y.T, rtol=1e-6)
        return np.sum(WEIGHTS * np.stack(ys) ** 2)

    def differences(args):
        leaves, treedef = jax.tree.flatten(args)
        grads = [np.zeros_like(leaf) for leaf in leaves]
        for i, leaf in enumerate(leaves):
            for index in np.ndindex(leaf.shape):
                for eps in (1e-4, -1e-4):
                    shifted = leaf.copy()
                    shifted[index] += eps
                    grads[i][index] += loss(*jax.tree.unflatten(treedef, [*leaves[:i], shifted, *leaves[i + 1 :]])) / (
                        2 * eps
                    )
        return jax.tree.unflatten(treedef, grads)

    return [differences((Y0, ts, PARAMS, A)) for ts in (TS, TS[::-1])]


@pytest.mark.parametrize("name", BACKENDS)
def test_gradient(name, exact):
    """To 2e-6 of everything, in both directions of time, with times traced; exactly 0 of what f does not use."""
    solver, _ = name.split("/")
    compiled = jax.jit(gradient(backend(f"jax/{name}", **OPTIONS[solver]).odeint))
    for ts, expected in zip((TS, TS[::-1]), exact, strict=True):
        found = compiled(Y0, ts, PARAMS, A)
        jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=2e-6, atol=2e-6), found, expected)
        assert (found[2]["unused"] == 0).all()


@pytest.mark.parametrize(
    "name",
    [
        "bosh3/checkpoint",
        "bosh3/interpolated",
        "bosh3/forward",
        "bosh3/finite_difference",
        "reversible_heun/reversible",
    ],
)
def test_lanes(name):
    """Under ``vmap`` each lane is as alone: of other states, times and parameters, of other numbers of steps."""
    own = {"checkpoints": 3} if name.endswith("checkpoint") else {}
    of = gradient(backend(f"jax/{name}", rtol=1e-4, atol=1e-5, **own).odeint)
    scale = np.array([1.0, -2.0, 0.3])
    args = (
        np.outer(scale, Y0),
        np.outer([1.0, 0.1, -0.5], TS),
        {n: np.stack([p] * 3) for n, p in PARAMS.items()},
        np.stack([A] * 3),
    )
    lanes, alone = jax.jit(jax.vmap(of))(*args), jax.jit(of)
    for lane in range(3):
        one, expected = jax.tree.map(lambda x, lane=lane: x[lane], (lanes, args))
        jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-8, atol=1e-9), one, alone(*expected))


def test_failures():
    """Outside compiled code a failed solve raises; inside it the gradient is NaN, whatever the method."""
    for name in ("rk4/aca", "rk4/interpolated", "rk4/forward", "reversible_heun/reversible"):
        odeint = backend(f"jax/{name}", step=0.01, max_steps=3).odeint
        with pytest.raises(SolveError, match="max_steps"):
            odeint(lambda t, y, p: f(jnp, t, y, A, p["b"]), Y0, TS, PARAMS)
        y0_bar = jax.jit(lambda odeint=odeint: gradient(odeint)(Y0, TS, PARAMS, A)[0])()
        assert np.isnan(y0_bar).all(), name

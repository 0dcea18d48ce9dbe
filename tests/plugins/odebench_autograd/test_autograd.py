"""The adjoint by autograd over SciPy: gradients of closed forms, the size of its state, and what it costs."""

from __future__ import annotations

from typing import Any

import autograd
import autograd.numpy as anp
import numpy as np
import pytest

import odebench
from odebench.adapter import Counts
from odebench_autograd.method import bind
from odebench_numpy.adapter import NumpyAdapter
from odebench_scipy.ivp import dop853, rk45
from odebench_scipy.lsoda import lsoda
from odebench_scipy.vode import vode_adams

SOLVERS = ["lsoda", "vode_adams", "vode_bdf", "rk45", "dop853", "radau", "bdf"]
TIGHT = {"rtol": 1e-8, "atol": 1e-9}
WEIGHTS = np.array([[0.3, -0.2], [0.5, 0.1], [-0.4, 0.7], [0.9, 0.2]])


def swing(t: Any, y: Any, p: Any) -> Any:
    """``y = y0 exp(k (sin t - sin t0))``."""
    return p["k"] * anp.cos(t) * y


def inputs(dtype: Any = np.float64) -> dict[str, Any]:
    tree = {
        "y0": np.array([1.0, -2.0]),
        "ts": np.array([0.3, 0.8, 1.5, 2.2]),
        "params": {"k": np.array([0.5, 1.2]), "unused": np.ones((2, 2))},
    }
    return NumpyAdapter("cpu", np.dtype(dtype).name).asarray(tree)


def swung(x: dict[str, Any]) -> dict[str, Any]:
    """The gradient of ``Σ w y(t)`` by the closed form."""
    ts, k = x["ts"].astype(float), x["params"]["k"].astype(float)
    ys = x["y0"] * np.exp(k * (np.sin(ts) - np.sin(ts[0]))[:, None])
    times = (WEIGHTS * ys) @ k * np.cos(ts)
    times[0] = -np.sum(WEIGHTS[1:] * ys[1:] * k) * np.cos(ts[0])
    shares = np.sum(WEIGHTS * ys * (np.sin(ts) - np.sin(ts[0]))[:, None], axis=0)
    return {
        "y0": np.sum(WEIGHTS * ys, axis=0) / x["y0"],
        "ts": times,
        "params": {"k": shares, "unused": np.zeros((2, 2))},
    }


def gradient(odeint: Any, x: dict[str, Any], f: Any = swing) -> dict[str, Any]:
    def loss(x: dict[str, Any], _: Any) -> Any:
        return anp.sum(WEIGHTS.astype(x["y0"].dtype) * odeint(f, x["y0"], x["ts"], x["params"]))

    return NumpyAdapter("cpu", x["y0"].dtype.name).value_and_grad(loss)(x, None)[1]


def close(found: Any, expected: Any, tol: float) -> None:
    for name in ("y0", "ts"):
        np.testing.assert_allclose(found[name], expected[name], atol=tol)
    for name, g in found["params"].items():
        np.testing.assert_allclose(g, expected["params"][name], atol=tol)


@pytest.mark.parametrize("name", SOLVERS)
def test_a_closed_form(name: str) -> None:
    """With respect to y0, every time, and parameters; one that f never uses has gradient zero."""
    x = inputs()
    found = gradient(odebench.backend(f"scipy/{name}/autograd", **TIGHT).odeint, x)
    close(found, swung(x), 5e-6)
    assert not found["params"]["unused"].any()


def test_backwards_in_time() -> None:
    """Descending times."""
    x = inputs()
    x["ts"] = x["ts"][::-1].copy()
    close(gradient(bind(dop853, TIGHT), x), swung(x), 1e-6)


def test_float32() -> None:
    """Gradients come in the dtype of what they are of."""
    x = inputs(np.float32)
    found = gradient(bind(rk45, {"rtol": 1e-5, "atol": 1e-6}), x)
    assert {found["y0"].dtype, found["ts"].dtype, found["params"]["k"].dtype} == {np.dtype(np.float32)}
    close(found, swung(x), 1e-3)


def test_trees_without_parameters_of_which_a_part_is_used() -> None:
    """A state that is a tree, dynamics of t and y alone, an integer among the parameters, and a single output."""

    def f(t: Any, y: Any) -> Any:
        return {"a": (y["b"],), "b": -y["a"][0]}

    def loss(y0: Any) -> Any:
        ys = bind(dop853, TIGHT)(f, y0, np.array([0.0, 1.0, 2.0]))
        return anp.sum(ys["a"][0][1])

    grads = autograd.grad(loss)({"a": (np.ones((2, 1)),), "b": np.zeros((2, 1))})
    np.testing.assert_allclose(grads["a"][0], np.cos(1.0) * np.ones((2, 1)), atol=1e-6)
    np.testing.assert_allclose(grads["b"], np.sin(1.0) * np.ones((2, 1)), atol=1e-6)
    odeint = bind(dop853, TIGHT)
    slope = autograd.grad(
        lambda k: anp.sum(odeint(lambda t, y, p: -p[0] * p[1] * y, np.ones(1), np.array([0.0, 1.0]), (k, np.array(2))))
    )(np.array(0.5))
    assert slope == pytest.approx(-2 * np.exp(-1.0), abs=1e-6)
    assert autograd.grad(lambda y: anp.sum(odeint(swing, y, np.zeros(1), inputs()["params"])))(np.ones(2)).tolist() == [
        1,
        1,
    ]


def test_the_pendulum_of_the_seeds() -> None:
    """Nonlinear, with 21 outputs: against central differences of tight solves."""

    def f(t: Any, y: Any, p: Any) -> Any:
        return anp.array([y[1], -p["b"] * y[1] - p["c"] * anp.sin(y[0])])

    x = {"y0": np.array([np.pi - 0.1, 0.0]), "b": np.array(0.25), "c": np.array(5.0)}
    ts = np.linspace(0, 4, 21)

    def loss(x: Any, odeint: Any) -> Any:
        return anp.sum(odeint(f, x["y0"], ts, {"b": x["b"], "c": x["c"]}) ** 2)

    grads = autograd.grad(loss)(x, bind(lsoda, {"rtol": 1e-10, "atol": 1e-10}))
    h = 1e-5

    def solved(*args: Any) -> Any:
        return dop853(*args, rtol=1e-12, atol=1e-12)[0]

    for name, i in (("y0", 0), ("y0", 1), ("b", ()), ("c", ())):
        above, below = (x | {name: x[name].copy()} for _ in range(2))
        above[name][i] += h
        below[name][i] -= h
        slope = (loss(above, solved) - loss(below, solved)) / (2 * h)
        assert grads[name][i] == pytest.approx(slope, rel=1e-6)


@pytest.mark.parametrize("trained", [("y0",), ("y0", "k"), ("y0", "k", "m", "ts")])
def test_the_size_of_the_reverse_state(trained: tuple[str, ...]) -> None:
    """2D + K + 1 numbers, with K those of the parameters that are differentiated (Chen et al., the seeds' slides)."""
    sizes = []

    def watched(f: Any, y0: Any, ts: Any, params: Any = None, **options: Any) -> Any:
        sizes.append(y0.size)
        return rk45(f, y0, ts, params, **options)

    x = {"y0": np.ones(3), "k": np.ones((3, 3)), "m": np.ones(2), "ts": np.array([0.0, 0.5, 1.0])}

    def loss(free: Any) -> Any:
        z = x | {name: free[name] for name in trained}
        odeint = bind(rk45, {}, adjoint_solver=watched)
        ys = odeint(lambda t, y, p: anp.tanh(p["k"] @ y) * p["m"][0], z["y0"], z["ts"], {"k": z["k"], "m": z["m"]})
        return anp.sum(ys)

    autograd.grad(loss)({name: x[name] for name in trained})
    k = sum(x[name].size for name in trained if name in "km")
    assert sizes == [2 * 3 + k + 1] * 2


@pytest.mark.parametrize("name", SOLVERS)
def test_counts_of_both_passes(name: str) -> None:
    """Forward, what the solver claims; backward, one evaluation a VJP, and one at each output after the first."""
    counts, x = Counts(), inputs()
    f = NumpyAdapter("cpu", "float64").counted(swing, counts)
    backend = odebench.backend(f"scipy/{name}/autograd", rtol=1e-5, atol=1e-5)
    _, stats = backend.solve(f, x["y0"], x["ts"], x["params"])
    forward = counts.f
    assert forward == stats.nfe
    gradient(backend.odeint, x, f)
    backward = counts.f - 2 * forward
    assert counts.vjp > 0
    assert backward == counts.vjp + len(x["ts"]) - 1


def test_backward_against_forward_evaluations_depends_on_the_solver_and_the_loss_scale() -> None:
    """Figure 3c of the paper: with VODE's Adams, and a loss of a small scale, backward takes fewer than forward; LSODA
    does not do so. Random tanh nets, D = 8, 32 hidden, tolerance 1e-3.
    """

    def net(t: Any, z: Any, p: Any) -> Any:
        return anp.tanh(z @ p["w1"] + t * p["u"]) @ p["w2"]

    adapter, times = NumpyAdapter("cpu", "float64"), np.array([0.0, 1.0])

    def ratio(solve: Any, scale: float, seed: int) -> float:
        rng, counts = np.random.default_rng(seed), Counts()
        p = {
            "w1": rng.normal(size=(8, 32)) / 8**0.5,
            "u": rng.normal(size=32),
            "w2": rng.normal(size=(32, 8)) / 32**0.5,
        }
        y0, g = rng.normal(size=8), scale * rng.normal(size=8)
        f, options = adapter.counted(net, counts), {"rtol": 1e-3, "atol": 1e-3}
        solve(f, y0, times, p, **options)
        forward = counts.f
        odeint = bind(solve, options)
        adapter.value_and_grad(lambda p, _: anp.sum(g * odeint(f, y0, times, p)[-1]))(p, None)
        return (counts.f - 2 * forward) / forward

    median = {
        (solve.name, scale): np.median([ratio(solve, scale, seed) for seed in range(10)])
        for solve in (lsoda, vode_adams)
        for scale in (1.0, 1e-2)
    }
    assert median["vode_adams", 1e-2] < 0.8 < median["vode_adams", 1.0] < 1.2
    assert 0.9 < median["lsoda", 1e-2] < median["lsoda", 1.0]


def test_later_outputs_that_the_loss_does_not_see_cost_nothing() -> None:
    """The sweep starts at the last output that has a cotangent."""
    counts, x = Counts(), inputs()
    f = NumpyAdapter("cpu", "float64").counted(swing, counts)
    odeint = bind(rk45, TIGHT)
    autograd.grad(lambda y0: anp.sum(odeint(f, y0, x["ts"], x["params"])[0]))(x["y0"])
    assert counts.vjp == 0


def test_backward_options() -> None:
    """Tolerances and solver of the backward pass are its own; looser is cheaper and further off."""
    x, expected = inputs(), swung(inputs())
    errors, costs = [], []
    for options in ({}, {"adjoint_rtol": 1e-3, "adjoint_atol": 1e-3}, {"adjoint_solver": vode_adams}):
        counts = Counts()
        f = NumpyAdapter("cpu", "float64").counted(swing, counts)
        found = gradient(bind(rk45, TIGHT, **options), x, f)
        errors.append(np.abs(found["params"]["k"] - expected["params"]["k"]).max())
        costs.append(counts.vjp)
    assert costs[1] < costs[0]
    assert errors[1] > 3 * errors[0]
    assert costs[2] not in costs[:2]
    assert errors[2] < 1e-5


def test_a_captured_array_is_refused() -> None:
    """It would get no gradient: the message says where it belongs."""
    with pytest.raises(RuntimeError, match="pass it in params"):
        autograd.grad(lambda k: anp.sum(bind(rk45, {})(lambda t, y: -k * y, np.ones(1), np.array([0.0, 1.0]))))(1.0)


def test_a_second_derivative_is_refused() -> None:
    """Of a gradient that autograd is differentiating, whether or not its cotangent depends on the input."""
    odeint, ts = bind(rk45, {}), np.array([0.0, 1.0])

    def loss(y0: Any, power: int) -> Any:
        return anp.sum(odeint(lambda t, y: -y * y, y0, ts)[-1] ** power)

    for power in (1, 2):
        with pytest.raises(RuntimeError, match="differentiated once"):
            autograd.grad(lambda y, power=power: anp.sum(autograd.grad(loss)(y, power)))(np.ones(2))


def test_failures_of_the_backward_solve_are_failures() -> None:
    """A field that is stiff backwards uses up its steps."""
    x = {"y0": np.ones(2), "ts": np.array([0.0, 1.0])}
    odeint = bind(dop853, {"rtol": 1e-6, "atol": 1e-9, "max_steps": 60}, adjoint_rtol=1e-13, adjoint_atol=1e-13)
    with pytest.raises(odebench.SolveError) as raised:
        autograd.grad(lambda y0: anp.sum(odeint(lambda t, y: -20 * y, y0, x["ts"])[-1]))(x["y0"])
    assert raised.value.status == odebench.Status.max_steps


def test_a_derivative_of_another_shape_or_structure_is_refused_by_its_name() -> None:
    """In the words of the solver, not in autograd's."""
    for f, kind in (
        (lambda t, y: anp.sum(y), ValueError),
        (lambda t, y: (y,), ValueError),
        (lambda t, y: 1.0, TypeError),
    ):
        with pytest.raises(kind, match="dy/dt must"):
            autograd.grad(lambda y0, f=f: anp.sum(bind(rk45, {})(f, y0, np.array([0.0, 1.0]))))(np.ones(2))

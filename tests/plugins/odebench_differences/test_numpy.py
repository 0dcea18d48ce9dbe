"""Central differences of SciPy's solves: gradients of a closed form, two solves a number, no VJP."""

from __future__ import annotations

from typing import Any

import autograd
import autograd.numpy as anp
import numpy as np
import pytest

from odebench.adapter import Counts
from odebench_differences.numpy import bind
from odebench_numpy.adapter import NumpyAdapter
from odebench_scipy.ivp import dop853

TIGHT = {"rtol": 1e-12, "atol": 1e-12}
WEIGHTS = np.array([[0.3, -0.2], [0.5, 0.1], [-0.4, 0.7]])


def swing(t: Any, y: Any, p: Any) -> Any:
    """``y = y0 exp(k (sin t - sin t0))``, in NumPy alone: nothing of it is traced."""
    return p["k"] * np.cos(t) * y


def inputs(dtype: Any) -> dict[str, Any]:
    tree = {"y0": np.array([1.0, -2.0]), "ts": np.array([0.3, 0.8, 1.5]), "k": np.array([0.5, 1.2]), "n": np.ones(3)}
    return NumpyAdapter("cpu", np.dtype(dtype).name).asarray(tree)


def loss(x: dict[str, Any], odeint: Any, f: Any = swing) -> Any:
    ys = odeint(f, x["y0"], x["ts"], {"k": x["k"], "n": x["n"]})
    return anp.sum(WEIGHTS.astype(x["y0"].dtype) * ys)


def swung(x: dict[str, Any]) -> dict[str, Any]:
    ts, k = x["ts"].astype(float), x["k"].astype(float)
    ys = x["y0"] * np.exp(k * (np.sin(ts) - np.sin(ts[0]))[:, None])
    times = (WEIGHTS * ys) @ k * np.cos(ts)
    times[0] = -np.sum(WEIGHTS[1:] * ys[1:] * k) * np.cos(ts[0])
    shares = np.sum(WEIGHTS * ys * (np.sin(ts) - np.sin(ts[0]))[:, None], axis=0)
    return {"y0": np.sum(WEIGHTS * ys, axis=0) / x["y0"], "ts": times, "k": shares, "n": np.zeros(3)}


@pytest.mark.parametrize(("dtype", "tol"), [(np.float64, 2e-9), (np.float32, 2e-3)])
def test_a_closed_form(dtype: Any, tol: float) -> None:
    """With respect to y0, every time and parameters, in the dtype of each; of what f does not use it is zero."""
    x = inputs(dtype)
    grads = autograd.grad(loss)(x, bind(dop853, TIGHT if dtype == np.float64 else {"rtol": 1e-6, "atol": 1e-6}))
    for name, expected in swung(x).items():
        np.testing.assert_allclose(grads[name], expected, atol=tol)
        assert grads[name].dtype == dtype
    assert not grads["n"].any()


def test_two_solves_for_every_number() -> None:
    """Of those that are differentiated, and no VJP."""
    counts, x = Counts(), inputs(np.float64)
    f = NumpyAdapter("cpu", "float64").counted(swing, counts)
    solves = 0

    def watched(*args: Any, **options: Any) -> Any:
        nonlocal solves
        solves += 1
        return dop853(*args, **options)

    autograd.grad(lambda k: loss(x | {"k": k}, bind(watched, TIGHT), f))(x["k"])
    assert solves == 1 + 2 * 2
    assert counts.vjp == 0
    assert counts.f > 0


def test_times_do_not_pass_one_another() -> None:
    """However large the difference and small the interval: they move by a quarter of it."""
    x = inputs(np.float64) | {"ts": np.array([0.3, 0.3 + 1e-3, 0.3 + 2e-3])}
    grads = autograd.grad(loss)(x, bind(dop853, TIGHT, difference_step=0.5))
    np.testing.assert_allclose(grads["ts"], swung(x)["ts"], atol=1e-5)


def test_the_difference_is_the_one_that_is_given() -> None:
    """Its error is of second order in it."""
    x, errors = inputs(np.float64), []
    for h in (0.2, 0.1):
        grads = autograd.grad(lambda k, h=h: loss(x | {"k": k}, bind(dop853, TIGHT, difference_step=h)))(x["k"])
        errors.append(np.abs(grads - swung(x)["k"]).max())
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.05)


@pytest.mark.parametrize("difference", [0.0, -1e-3, float("nan")])
def test_a_difference_that_makes_no_sense(difference: float) -> None:
    """Is refused before anything is solved."""
    with pytest.raises(ValueError, match="difference_step must be positive"):
        bind(dop853, TIGHT, difference_step=difference)


def test_a_second_derivative_is_refused() -> None:
    """Differences of what is differentiated are not what is wanted."""
    x = inputs(np.float64)

    def slope(y0: Any) -> Any:
        return anp.sum(autograd.grad(lambda y: loss(x | {"y0": y}, bind(dop853, TIGHT)))(y0))

    with pytest.raises(RuntimeError, match="differentiated once"):
        autograd.grad(slope)(x["y0"])

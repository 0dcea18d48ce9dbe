"""The problems of suites/gradients: one function in three frameworks, and options that mean what they say."""

import inspect
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import odebench
from odebench.errors import UserError
from odebench.measure.session import Session
from odebench.plan import Selection, plan
from odebench.registry import load_registry
from odebench.suite import Suite
from suites import gradients
from suites.gradients import fields, task

NAMES = ("field", "spiral", "vanderpol", "wall", "closure")
SPACES = {"numpy": "odebench_numpy.namespace", "torch": "array_api_compat.torch", "jax": "jax.numpy"}


@pytest.fixture(scope="module")
def registry():
    return load_registry(suites=[Path(gradients.__file__).parent], strict=True)


@pytest.fixture
def make_session(registry):
    """A session of a task in NumPy, made as a worker makes it."""

    def make(name, **options):
        matrix = {"tasks": [name], "backends": ["scipy/dop853/autograd"], "dtypes": ["float64"], "options": options}
        suite = Suite.model_validate({"title": "", "default_preset": "p", "presets": {"p": {}}, "matrix": [matrix]})
        (cell,) = plan("made", suite, suite.presets["p"], registry, Selection())
        return Session(cell, registry)

    return make


def euler(xp):
    """Two steps, which call the field at two times, and see y0, ts and the parameters."""

    def odeint(f, y0, ts, params=None):
        args = () if params is None else (params,)
        half = (ts[-1] - ts[0]) / 2
        middle = y0 + half * f(ts[0], y0, *args)
        return xp.stack([y0, middle + half * f(ts[0] + half, middle, *args)])

    return odeint


def along(solution):
    """An odeint that knows the solution (NumPy)."""
    return lambda f, y0, ts, params=None: np.stack([solution(t) * y0 for t in ts])


@pytest.mark.parametrize("name", NAMES)
def test_three_frameworks_see_one_function(registry, name):
    """The loss and its gradient with respect to y0, ts and every parameter, through the field, to 1e-13."""
    values, grads = {}, {}
    for framework, namespace in SPACES.items():
        made = registry.tasks[f"gradients/{name}"].load()(framework, seed=3)
        adapter = registry.frameworks[framework].load()("cpu", "float64")
        adapter.activate()
        odeint = euler(import_module(namespace))
        call = adapter.value_and_grad(lambda params, batch, made=made, odeint=odeint: made.loss(params, batch, odeint))
        value, found = call(adapter.asarray(made.params), adapter.asarray(made.probe()))
        values[framework] = float(adapter.numpy(value))
        grads[framework] = adapter.numpy(found)
    for framework in ("torch", "jax"):
        assert values[framework] == pytest.approx(values["numpy"], rel=1e-13)
        for key, expected in grads["numpy"].items():
            assert np.abs(expected).max() > 0, key
            np.testing.assert_allclose(grads[framework][key], expected, rtol=1e-12, atol=1e-14, err_msg=key)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_differentiated(registry, name):
    """y0 and ts (from 0, ascending) and the field's parameters, all float64; the probe weighs each number of y0."""
    made = registry.tasks[f"gradients/{name}"].load()("numpy", seed=0)
    assert set(made.params) > {"y0", "ts"}
    assert {p.dtype for p in made.params.values()} == {np.dtype("float64")}
    assert made.params["ts"][0] == 0
    assert np.all(np.diff(made.params["ts"]) > 0)
    weights = made.probe()["weights"]
    assert weights.shape == made.params["y0"].shape
    assert np.all(weights != 0)


def test_the_walls_solution():
    """y = y0 exp(-2k/5 (1 - (1 - t)^{5/2})) up to t = 1; beyond it the field is not a number, in each framework."""
    made = task.make_wall("torch", seed=0, outputs=5)
    torch = import_module("torch")
    params = {name: torch.from_numpy(p) for name, p in made.params.items()}
    odeint = odebench.backend("torch/dopri8/backprop", rtol=1e-11, atol=1e-12).odeint
    ys = made.predict(params, {}, odeint).numpy()
    y0, k, ts = (made.params[name] for name in ("y0", "k", "ts"))
    expected = y0 * np.exp(-0.4 * k * (1 - (1 - ts[:, None]) ** 2.5))
    np.testing.assert_allclose(ys, expected, rtol=1e-9)
    for namespace in SPACES.values():
        xp = import_module(namespace)
        t, y, p = xp.asarray(1.01), xp.asarray(y0), {"k": xp.asarray(k)}
        with np.errstate(invalid="ignore"):
            assert bool(xp.all(xp.isnan(fields.wall(t, y, p, xp)))), namespace


def test_the_last_output_is_seen_whatever_the_others():
    """``observe="last"`` gives the loss that two outputs give; with ``"all"`` every one after the first counts."""

    def loss(**options):
        made = task.make_vanderpol("numpy", seed=0, **options)
        return made.loss(made.params, made.probe(), along(lambda t: np.exp(-t)))

    assert loss(outputs=2) == loss(outputs=5, observe="last") == loss(outputs=17, observe="last")
    mean = np.exp(-8 * np.arange(1, 5) / 4).mean() / np.exp(-8)
    assert loss(outputs=5) == pytest.approx(mean * loss(outputs=2), rel=1e-12)


def test_options():
    """What they change, and only that."""
    plain = task.make_spiral("numpy", seed=0)
    scaled = task.make_spiral("numpy", seed=1, loss_scale=1e-4, inert=3, outputs=5, end=1.0)
    np.testing.assert_array_equal(scaled.params.pop("inert"), np.zeros(3))
    np.testing.assert_allclose(scaled.params["ts"], [0, 0.25, 0.5, 0.75, 1])
    assert set(scaled.params) == set(plain.params)
    for name in ("y0", "a"):
        np.testing.assert_array_equal(scaled.params[name], plain.params[name])
    losses = [made.loss(plain.params, made.probe(), along(lambda t: 1 + t)) for made in (plain, scaled)]
    assert losses[1] == pytest.approx(1e-4 * losses[0], rel=1e-14)


@pytest.mark.parametrize(("state", "hidden", "batch"), [(1, 1, 1), (4, 16, 4), (3, 5, 2)])
def test_the_fields_size(state, hidden, batch):
    """D = batch · state and K = hidden · (2 · state + 1); drawn from the seed."""
    made = task.make_field("numpy", seed=0, state=state, hidden=hidden, batch=batch)
    sizes = {name: p.size for name, p in made.params.items()}
    assert sizes["y0"] == batch * state
    assert sizes["w"] + sizes["b"] + sizes["v"] == hidden * (2 * state + 1)
    again, other = (task.make_field("jax", seed=s, state=state, hidden=hidden, batch=batch) for s in (0, 1))
    np.testing.assert_equal(made.params, again.params)
    assert not np.array_equal(made.params["w"], other.params["w"])


@pytest.mark.parametrize(
    ("name", "option", "value", "message"),
    [
        ("spiral", "outputs", 1, "outputs must be a whole number of at least 2, got 1"),
        ("spiral", "outputs", 2.5, "outputs must be a whole number of at least 2, got 2.5"),
        ("wall", "outputs", True, "outputs must be a whole number of at least 2, got True"),
        ("closure", "observe", "first", "observe: unknown value 'first'; valid: all, last"),
        ("spiral", "inert", -1, "inert must be a whole number of at least 0, got -1"),
        ("vanderpol", "inert", "many", "inert must be a whole number of at least 0, got 'many'"),
        ("spiral", "loss_scale", 0, "loss_scale must be positive and finite, got 0"),
        ("spiral", "loss_scale", float("nan"), "loss_scale must be positive and finite, got nan"),
        ("spiral", "loss_scale", "1", "loss_scale must be positive and finite, got '1'"),
        ("spiral", "end", 0, "end must be positive and finite, got 0"),
        ("spiral", "end", float("inf"), "end must be positive and finite, got inf"),
        ("field", "end", -1.0, "end must be positive and finite, got -1.0"),
        ("field", "state", 0, "state must be a whole number of at least 1, got 0"),
        ("field", "hidden", 1.5, "hidden must be a whole number of at least 1, got 1.5"),
        ("field", "batch", None, "batch must be a whole number of at least 1, got None"),
    ],
)
def test_an_option_out_of_range_is_named(registry, name, option, value, message):
    """With what it must be and what it was."""
    with pytest.raises(UserError) as error:
        registry.tasks[f"gradients/{name}"].load()("numpy", seed=0, **{option: value})
    assert str(error.value) == f"gradients: {message}"


@pytest.mark.parametrize("name", NAMES)
def test_an_option_that_does_not_exist_is_named(registry, make_session, name):
    """With the nearest that there is, and every one that the task has."""
    with pytest.raises(UserError) as error:
        make_session(f"gradients/{name}", los_scale=2.0)
    known = inspect.signature(registry.tasks[f"gradients/{name}"].load()).parameters
    valid = ", ".join(sorted(set(known) - {"framework", "seed"}))
    line = f"task gradients/{name} has no option 'los_scale'; did you mean 'loss_scale'? valid: {valid}"
    assert str(error.value) == line

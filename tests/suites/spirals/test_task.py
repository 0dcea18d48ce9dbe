"""The spiral, the nets that learn it, and what they are shown of it."""

from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import odebench
from odebench.errors import UserError
from odebench.registry import load_registry
from suites import spirals
from suites.spirals import task, truth


def test_every_task_and_picture_can_be_loaded():
    """Their code is where their descriptors say."""
    registry = load_registry(suites=[Path(spirals.__file__).parent], strict=True)
    for entry in (*registry.tasks.values(), *registry.figures.values()):
        if entry.name.startswith("spirals/"):
            assert callable(entry.load())


def test_the_trajectory():
    """An explicit and an implicit method agree on all of it, and on y(25) as PAPER.md has it."""
    ys = truth.trajectory(1000, 25.0)
    np.testing.assert_allclose(ys[-1], [-0.44362349, 0.27944064], atol=5e-9)
    np.testing.assert_allclose(truth.trajectory(1000, 25.0, "Radau"), ys, rtol=0, atol=1e-10)
    assert ys[0].tolist() == [2, 0]


def test_parameters():
    """252 and 752 of them; the demonstration's biases begin at 0, autograd's do not; weights have deviation 0.1."""
    demo, autograd = task.make_ode_demo("torch", seed=0), task.make_autograd_demo("torch", seed=0)
    assert sum(p.size for p in demo.params.values()) == 252
    assert sum(p.size for p in autograd.params.values()) == 752
    assert not demo.params["net.0.bias"].any()
    assert not demo.params["net.1.bias"].any()
    assert autograd.params["net.0.bias"].std() == pytest.approx(0.1, rel=0.2)
    assert autograd.params["net.0.weight"].std() == pytest.approx(0.1, rel=0.2)
    assert {p.dtype for p in demo.params.values()} == {np.dtype("float32")}


def test_the_field():
    """tanh of the cube, ReLU of y itself: one explicit step of Euler shows it, in both frameworks."""
    for framework, xp in (("torch", import_module("torch")), ("jax", import_module("jax.numpy"))):
        y = np.array([[0.5, -1.5]], np.float32)
        for make, activation, power in ((task.make_ode_demo, np.tanh, 3), (task.make_autograd_demo, _relu, 1)):
            made = make(framework, seed=0)
            params = {name: xp.asarray(p) for name, p in made.params.items()}
            batch = {"y0": xp.asarray(y), "ts": xp.asarray([0.0, 1.0])}
            found = made.predict(params, batch, lambda f, y0, ts, p: f(ts[0], y0, p))
            p = made.params
            hidden = activation(y**power @ p["net.0.weight"].T + p["net.0.bias"])
            np.testing.assert_allclose(np.asarray(found), hidden @ p["net.1.weight"].T + p["net.1.bias"], rtol=1e-5)


def _relu(x):
    return np.maximum(x, 0)


def test_windows():
    """20 different starts of ten points of the trajectory, the same for the same seed and step, in any framework."""
    made, same, other = (task.make_ode_demo(name, seed=s) for name, s in (("torch", 0), ("jax", 0), ("torch", 1)))
    batch = made.batch(5)
    ys = truth.trajectory(1000, 25.0)
    assert batch["targets"].shape == (10, 20, 2)
    assert len({tuple(y) for y in batch["y0"]}) == 20
    np.testing.assert_array_equal(batch["targets"][0], batch["y0"])
    np.testing.assert_allclose(np.diff(batch["ts"]), 25 / 999)
    for j in range(20):
        start = int(np.flatnonzero((ys == batch["y0"][j]).all(1))[0])
        np.testing.assert_array_equal(batch["targets"][:, j], ys[start : start + 10])
    np.testing.assert_array_equal(batch["y0"], same.batch(5)["y0"])
    assert not np.array_equal(batch["y0"], other.batch(5)["y0"])
    assert not np.array_equal(batch["y0"], made.batch(6)["y0"])
    whole = task.make_autograd_demo("torch", seed=0).batch(7)
    np.testing.assert_array_equal(whole["targets"][:, 0], truth.trajectory(30, 1.5))


def test_metrics():
    """All 0 for the truth; the relative error is 1 for a guess that stays at the medians."""
    made = task.make_ode_demo("torch", seed=0, points=100, end=5.0)
    ys = truth.trajectory(100, 5.0)

    def true(batch):
        starts = [int(np.flatnonzero((ys == y).all(1))[0]) for y in batch["y0"]]
        return np.stack([ys[s : s + len(batch["ts"])] for s in starts], 1)

    assert made.evaluate(true) == {"trajectory_l1": 0, "relative_l1": 0, "window_l1": 0}
    median = np.median(ys, axis=0)
    still = made.evaluate(lambda batch: np.broadcast_to(median, (len(batch["ts"]), len(batch["y0"]), 2)))
    assert still["relative_l1"] == pytest.approx(1)
    assert {name: x.shape for name, x in made.outputs(true).items()} == {
        "ts": (100,),
        "true": (100, 2),
        "learned": (100, 2),
    }


def test_the_true_field_has_no_loss():
    """With weights that make the net linear in y³, nearly: windows and solver tell of the same field."""
    made = task.make_ode_demo("torch", seed=0, windows=3)
    torch = import_module("torch")
    batch = {name: torch.from_numpy(x) for name, x in made.batch(0).items()}
    odeint = odebench.backend("torch/dopri5/backprop", rtol=1e-9, atol=1e-11).odeint
    small, matrix = 1e-5, torch.from_numpy(truth.A)
    params = {
        "net.0.weight": small * torch.eye(2, dtype=torch.float64),
        "net.0.bias": torch.zeros(2, dtype=torch.float64),
        "net.1.weight": matrix.T / small,
        "net.1.bias": torch.zeros(2, dtype=torch.float64),
    }
    assert made.loss(params, batch, odeint).item() < 1e-6


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": -1}, "steps must be a whole number of at least 0, got -1"),
        ({"length": 1}, "length must be a whole number between 2 and 1000, got 1"),
        ({"windows": 991}, "windows must be a whole number between 1 and 990, got 991"),
        ({"end": 0.0}, "end must be positive and finite, got 0.0"),
    ],
)
def test_an_option_out_of_range_is_named(options, message):
    """With what it must be and what it was."""
    with pytest.raises(UserError) as error:
        task.make_ode_demo("torch", seed=0, **options)
    assert str(error.value) == f"spirals: {message}"

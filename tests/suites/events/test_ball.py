"""The ball in closed form, and the tasks that follow it."""

import math
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import odebench
from odebench import truth as truths
from odebench.errors import UserError
from odebench.registry import load_registry
from suites import events
from suites.events import ball, impacts, learning, observed, rival, truth

TIGHT = {"rtol": 1e-9, "atol": 1e-11}


@pytest.fixture(scope="module")
def registry():
    return load_registry(suites=[Path(events.__file__).parent], strict=True)


def test_every_task_and_picture_can_be_loaded(registry):
    """Their code is where their descriptors say."""
    for entry in (*registry.tasks.values(), *registry.figures.values()):
        if entry.name.startswith("events/"):
            assert callable(entry.load())


def test_impacts():
    """The first at √2 s; each flight after it takes the part of the speed that is left of the one before."""
    times, speeds = ball.impacts(ball.START, ball.GRAVITY, ball.ABSORPTION, 5)
    assert times[0] == pytest.approx(math.sqrt(2), abs=1e-14)
    np.testing.assert_allclose(np.diff(times), 2 * math.sqrt(2) * 0.8 ** np.arange(1, 5), rtol=1e-13)
    np.testing.assert_allclose(speeds, 9.8 * math.sqrt(2) * 0.8 ** np.arange(1, 6), rtol=1e-13)


def test_heights():
    """From the start, on the ground at impacts, above it between them; two impacts are seen and two more come."""
    times, _ = ball.impacts(ball.START, ball.GRAVITY, ball.ABSORPTION, 5)
    assert ball.heights(np.zeros(1)) == 10
    np.testing.assert_allclose(ball.heights(np.array(times)), ball.RADIUS, atol=1e-12)
    assert np.all(ball.heights(np.linspace(0, observed.TOLD, 1000)) >= ball.RADIUS)
    assert [sum(t < end for t in times) for end in (observed.SEEN, observed.TOLD)] == [2, 4]


@pytest.mark.parametrize("bounces", [1, 4])
def test_two_routes_to_the_truth(registry, bounces):
    """Closed form and SciPy's events agree to what differences can tell, for every number of impacts."""
    task = registry.tasks["events/bouncing_ball"]
    made = truths.make(task, truths.key(task, 0, {"bounces": bounces}))
    assert not made.failed
    assert made.arrays["prediction"].shape == (bounces + 2,)
    assert {name: made.arrays[f"gradient/{name}"].shape for name in impacts.parameters()} == {
        "y0": (2,),
        "gravity": (),
        "absorption": (),
    }
    assert made.agreement["forward"] < 1e-12
    assert all(value < 1e-9 for name, value in made.agreement.items() if name != "forward")


def test_the_task_is_the_closed_form():
    """Three bounces in torch: the times of impact, and the state in the middle of the flight after them."""
    made = impacts.BouncingBall("torch", seed=0, bounces=3)
    torch = import_module("torch")
    params, probe = ({name: torch.from_numpy(x) for name, x in part.items()} for part in (made.params, made.probe()))
    found = made.predict(params, probe, odebench.backend("torch/dopri5/backprop", **TIGHT).odeint)
    expected = next(iter(truth.truth(0, bounces=3).values()))()["prediction"]
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-9)
    assert found[-1].item() == pytest.approx(0.0, abs=1e-9)


def test_the_true_ball_has_no_loss():
    """With the true gravity and absorption, seen and later heights are those of the closed form; params come back."""
    made = learning.LearnPhysics("torch", seed=0, points=20, bounces=5)
    torch = import_module("torch")
    true = {"log_gravity": math.log(ball.GRAVITY), "logit_absorption": math.log(0.2 / 0.8)}
    params = {name: torch.tensor(x, dtype=torch.float64) for name, x in true.items()}
    odeint = odebench.backend("torch/dopri5/backprop", **TIGHT).odeint

    def predict(batch):
        tensors = {name: torch.from_numpy(np.asarray(x)) for name, x in batch.items()}
        return made.predict(params, tensors, odeint).numpy()

    found = made.evaluate(predict)
    assert set(found) == {"relative_l1", "extrapolation_l1", "gravity_error", "absorption_error"}
    assert all(value < 1e-8 for value in found.values()), found
    path = made.outputs(predict)
    assert {name: x.shape for name, x in path.items()} == {"ts": (40,), "true": (40,), "learned": (40,), "seen": (20,)}
    np.testing.assert_allclose(path["learned"], path["true"], atol=1e-5)


def test_guesses_and_noise_are_the_seeds():
    """Same seed, same numbers; another seed, others. Without noise every seed sees the same heights."""
    one, same, other = (learning.LearnPhysics("torch", seed=s, points=10, noise=0.1) for s in (0, 0, 1))
    assert one.params == same.params
    assert one.params != other.params
    np.testing.assert_array_equal(one.batch(3)["heights"], same.batch(3)["heights"])
    assert not np.array_equal(one.batch(3)["heights"], other.batch(3)["heights"])
    clean = [learning.LearnPhysics("torch", seed=s, points=10).batch(0)["heights"] for s in (0, 1)]
    np.testing.assert_array_equal(*clean)


def test_the_rivals_net():
    """4-64-64-4: two numbers beside height and velocity."""
    made = rival.NoEvents("jax", seed=0, points=10)
    assert sum(p.size for p in made.params.values()) == 4 * 64 + 64 + 64 * 64 + 64 + 64 * 4 + 4
    assert made.probe()["start"].tolist() == [2, 0, 0, 0]


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (impacts.BouncingBall, {"bounces": 0}, "bounces must be a whole number between 1 and 20, got 0"),
        (learning.LearnPhysics, {"steps": -1}, "steps must be a whole number of at least 0, got -1"),
        (learning.LearnPhysics, {"noise": -0.1}, "noise must be positive and finite, got -0.1"),
        (rival.NoEvents, {"points": 1}, "points must be a whole number of at least 2, got 1"),
    ],
)
def test_an_option_out_of_range_is_named(make, options, message):
    """With what it must be and what it was."""
    with pytest.raises(UserError) as error:
        make("torch", seed=0, **options)
    assert str(error.value) == f"events: {message}"

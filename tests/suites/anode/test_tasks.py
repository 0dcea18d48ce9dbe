"""The nets on points: of the paper's sizes, one function in both frameworks, and metrics that mean what they say."""

from itertools import chain

import numpy as np
import pytest

from odebench.backends import default_registry
from odebench.errors import UserError
from odebench.tasks import namespace
from suites.anode import tasks

SPHERES = (tasks.make_spheres, tasks.make_wedge)
RESNETS = (tasks.make_spheres_resnet, tasks.make_wedge_resnet)
LINES = (tasks.make_swap, tasks.make_identity)


def size(task):
    return sum(p.size for p in task.params.values())


def euler(xp):
    """Two steps, which call the field at two times."""

    def odeint(f, y0, ts, params):
        half = (ts[-1] - ts[0]) / 2
        middle = y0 + half * f(ts[0], y0, params)
        return xp.stack([y0, middle + half * f(ts[0] + half, middle, params)])

    return odeint


@pytest.mark.parametrize(("augment", "expected"), [(0, 1253), (1, 1319), (5, 1583)])
def test_parameters_of_the_ode_block(augment, expected):
    """Those of the paper, in the plane."""
    assert {size(make("torch", seed=0, augment=augment)) for make in SPHERES} == {expected}


def test_parameters_of_the_others():
    """337 on the line without a head, 813 of five residual blocks with one."""
    assert {size(make("torch", seed=0)) for make in LINES} == {337}
    assert {size(make("torch", seed=0)) for make in RESNETS} == {813}
    assert not any(name.startswith("head") for name in tasks.make_swap("torch", seed=0).params)


@pytest.mark.parametrize(
    ("make", "options"),
    [(tasks.make_swap, {"augment": 1}), (tasks.make_spheres, {"augment": 5, "d": 5}), (tasks.make_wedge_resnet, {})],
)
def test_both_frameworks_see_one_function(make, options):
    """Loss, gradient and prediction from the same parameters and points, in float64 to 1e-12."""
    found = {}
    for framework in ("torch", "jax"):
        made = make(framework, seed=1, batch_size=8, **options)
        adapter = default_registry().frameworks[framework].load()("cpu", "float64")
        adapter.activate()
        odeint = euler(namespace(framework))
        params, batch = adapter.asarray(made.params), adapter.asarray(made.batch(3))
        loss = adapter.value_and_grad(lambda p, b, made=made, odeint=odeint: made.loss(p, b, odeint))
        value, grads = adapter.numpy(loss(params, batch))
        found[framework] = {"loss": value, "said": adapter.numpy(made.predict(params, batch, odeint)), **grads}
    for name, expected in found["torch"].items():
        assert np.abs(expected).max() > 0, name
        np.testing.assert_allclose(found["jax"][name], expected, rtol=1e-11, atol=1e-13, err_msg=name)


def test_the_state_begins_with_zeros_appended():
    """a(0) = 0; on the line the answer is the first coordinate, and the loss SmoothL1 of it."""
    torch = pytest.importorskip("torch")
    made = tasks.make_swap("torch", seed=0, augment=3)
    batch = {name: torch.from_numpy(x) for name, x in made.probe().items()}

    def stay(f, y0, ts, params):
        assert y0.shape == (32, 4)
        np.testing.assert_array_equal(y0[:, :1], batch["x"])
        assert (y0[:, 1:] == 0).all()
        return torch.stack([y0, y0 / 4])

    assert made.predict({}, batch, stay).shape == (2, 32, 5)
    assert float(made.loss({}, batch, stay)) == pytest.approx(1.25 - 0.5)
    assert float(made.loss({}, {**batch, "y": batch["x"]}, stay)) == pytest.approx(0.75**2 / 2)


@pytest.mark.parametrize("make", [*SPHERES, *LINES, *RESNETS])
def test_the_seed_says_all(make):
    """Batches are functions of seed and step; an epoch has every point at most once; held-out points are the seed's,
    whatever the framework and the model."""
    made, again, other = make("torch", seed=3), make("jax", seed=3), make("torch", seed=4)
    for step in (0, 40):
        np.testing.assert_equal(made.batch(step), again.batch(step))
    assert not np.array_equal(made.batch(0)["x"], made.batch(1)["x"])
    assert any(not np.array_equal(made.params[name], other.params[name]) for name in made.params)
    if make not in LINES:
        seen = np.concatenate([made.batch(step)["x"] for step in range(3000 // 64)])
        assert len(np.unique(seen, axis=0)) == len(seen)


def test_metrics_of_what_is_held_out():
    """Of an oracle loss 0 and accuracy 1; of who says +1 of everything the part that is +1, also in the wedge."""
    made = tasks.make_wedge("torch", seed=0, test_size=90)
    truth = made.evaluate(lambda batch: np.stack([batch["y"]] * 2))
    assert {truth[f"{part}_{name}"] for part in ("test", "wedge") for name in ("loss", "mse")} == {0}
    assert truth["test_accuracy"] == truth["wedge_accuracy"] == 1
    guess = made.evaluate(lambda batch: np.ones((2, len(batch["x"]), 3)))
    assert guess["test_accuracy"] == pytest.approx(2 / 3, abs=0.1)
    assert guess["wedge_loss"] == pytest.approx(1.5 * (1 - guess["wedge_accuracy"]))


@pytest.mark.parametrize(
    ("ends", "swapped", "overtaken"),
    [
        (lambda x: x**3, 0, 0),
        (lambda x: 0 * x, 0, 0),
        (lambda x: -x, 1, 32 / 33),
        (lambda x: x**2, 0, 31 / 33),  # all but the first, and the last, which comes back to where the first is
        (lambda x: np.maximum(x, 0), 0, 0),
    ],
)
def test_order_on_the_line(ends, swapped, overtaken):
    """Monotone maps keep it, however flat; a swap leaves nothing before what began behind it."""
    found = tasks.make_swap("torch", seed=0).evaluate(lambda batch: np.stack([batch["x"], ends(batch["x"])]))
    assert (found["swapped"], found["overtaken"]) == (swapped, pytest.approx(overtaken))


def test_no_flow_is_better_than_the_floor():
    """The SmoothL1 of x → -x on the two points, over pairs of ends in order, is 0.5 at least, and that at (0, 0)."""
    made = tasks.make_swap("torch", seed=0)
    side = np.linspace(-2, 2, 81)
    losses = {
        (a, b): made.evaluate(lambda batch, a=a, b=b: np.where(batch["x"] < 0, a, b)[None])["test_loss"]
        for a, b in chain.from_iterable(((a, b) for b in side[i:]) for i, a in enumerate(side))
    }
    assert min(losses.values()) == pytest.approx(0.5, abs=1e-12)
    assert min(losses, key=losses.get) == pytest.approx((0, 0), abs=1e-9)


@pytest.mark.parametrize(
    ("make", "option", "value", "message"),
    [
        (tasks.make_swap, "augment", -1, "augment must be a whole number of at least 0, got -1"),
        (tasks.make_swap, "learning_rate", 0, "learning_rate must be positive and finite, got 0"),
        (tasks.make_spheres, "d", 0, "d must be a whole number of at least 1, got 0"),
        (tasks.make_spheres, "batch_size", 4000, "batch_size must be a whole number between 1 and 3000, got 4000"),
        (tasks.make_spheres_resnet, "blocks", 1.5, "blocks must be a whole number of at least 1, got 1.5"),
        (tasks.make_wedge, "steps", -1, "steps must be a whole number of at least 0, got -1"),
        (tasks.make_wedge_resnet, "test_size", 1, "test_size must be a whole number of at least 6, got 1"),
    ],
)
def test_an_option_out_of_range_is_named(make, option, value, message):
    """With what it must be and what it was."""
    with pytest.raises(UserError) as error:
        make("torch", seed=0, **{option: value})
    assert str(error.value) == f"anode: {message}"

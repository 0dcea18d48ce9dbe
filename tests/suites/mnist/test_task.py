from pathlib import Path

import numpy as np
import pytest

from odebench.errors import UserError
from odebench.registry import load_registry
from suites import mnist
from suites.mnist import data, task


@pytest.fixture(scope="module")
def registry():
    return load_registry(suites=[Path(mnist.__file__).parent], strict=True)


def test_the_harness_finds_every_row(registry):
    """Registered under their names and made through the harness's own package name; one has an ODE."""
    rows = {name: entry for name, entry in registry.tasks.items() if name.startswith("mnist/")}
    assert set(rows) == {f"mnist/{model}" for model in ("mlp", "stem", "resblock", "resnet", "revnet", "odenet")}
    assert [name for name, entry in rows.items() if entry.ode] == ["mnist/odenet"]
    for name, entry in rows.items():
        made = entry.load()("jax", seed=0, probe_size=2)
        assert made.probe()["images"].shape == (2, 28, 28)
        assert ("hidden.weight" in made.params) == (name == "mnist/mlp")


def test_a_batch_depends_on_seed_and_step_alone():
    """Another framework, another row or a resumed run sees the same images; another step or seed does not."""
    first = task.make_mlp("torch", seed=3, batch_size=64)
    second = task.make_odenet("jax", seed=3, batch_size=64)
    for step in (0, 1500, 7):
        np.testing.assert_equal(first.batch(step), second.batch(step))
    images = first.batch(7)["images"]
    assert not np.array_equal(images, first.batch(8)["images"])
    assert not np.array_equal(images, task.make_mlp("torch", seed=4, batch_size=64).batch(7)["images"])


def test_parameters_are_the_same_in_both_frameworks():
    """Both frameworks start from the same values."""
    one, other = task.make_resblock("torch", seed=1), task.make_resblock("jax", seed=1)
    np.testing.assert_equal(one.params, other.params)


def test_a_batch_is_scaled_and_typed():
    """Images are float32 in [0, 1], labels int64."""
    batch = task.make_mlp("jax", seed=0, batch_size=32).batch(0)
    assert batch["images"].shape == (32, 28, 28)
    assert (batch["images"].dtype, batch["labels"].dtype) == (np.float32, np.int64)
    assert batch["images"].min() == 0
    assert batch["images"].max() == 1


def test_an_epoch_visits_every_image_once():
    """The two halves of an epoch hold each label as often as the training set; the epochs' orders differ."""
    mlp = task.make_mlp("torch", seed=0, batch_size=30_000)
    labels = [mlp.batch(step)["labels"] for step in range(4)]
    everything = np.bincount(data.load("train").labels)
    np.testing.assert_array_equal(np.bincount(np.concatenate(labels[:2])), everything)
    np.testing.assert_array_equal(np.bincount(np.concatenate(labels[2:])), everything)
    assert not np.array_equal(labels[0], labels[2])


def test_the_last_incomplete_batch_is_dropped():
    """60,000 = 468 × 128 + 96: batch 468 is a whole one, of the next epoch."""
    odenet = task.make_odenet("torch", seed=0)
    assert len(odenet.batch(467)["labels"]) == len(odenet.batch(468)["labels"]) == 128
    assert odenet.recipe.steps == 160 * 468
    assert [odenet.recipe.rate(epoch * 468) for epoch in (0, 59, 60, 100, 140)] == pytest.approx(
        [0.1, 0.1, 0.01, 1e-3, 1e-4]
    )


def test_crops_shift_by_at_most_four_pixels():
    """A lone pixel lands on each of 9 × 9 places, evenly, and nothing wraps round the border."""
    images = np.zeros((8100, 28, 28), np.uint8)
    images[:, 14, 14] = 255
    shifted = task.random_crop(images, np.random.default_rng(0))
    assert shifted.shape == images.shape
    np.testing.assert_array_equal(shifted.sum((1, 2), dtype=int), 255)
    places = (shifted == 255).sum(0)
    assert places.sum() == places[10:19, 10:19].sum() == 8100
    assert places[10:19, 10:19].min() > 50
    border = np.zeros((500, 28, 28), np.uint8)
    border[:, 0, 0] = 1
    shifted = task.random_crop(border, np.random.default_rng(0))
    assert shifted[:, 5:].sum() == shifted[:, :, 5:].sum() == 0


def test_the_probe_is_fixed():
    """The first training images as they are, for any seed."""
    probe = task.make_stem("torch", seed=5, probe_size=3).probe()
    images, labels = data.load("train")
    np.testing.assert_array_equal(probe["images"], (images[:3] / 255).astype(np.float32))
    np.testing.assert_array_equal(probe["labels"], labels[:3])


@pytest.mark.parametrize("test_size", [1, 1000, 1001, 2500, 10_000])
def test_the_error_equals_a_recount(test_size):
    """A linear classifier's error over the first images, in batches of one shape of at most 1000."""
    matrix = np.random.default_rng(0).normal(size=(784, 10))
    shapes = set()

    def predict(batch):
        shapes.add(batch["images"].shape)
        return batch["images"].reshape(-1, 784) @ matrix

    error = task.make_mlp("torch", seed=0, test_size=test_size).evaluate(predict)
    images, labels = data.load("test")
    guesses = ((images[:test_size] / 255).astype(np.float32).reshape(-1, 784) @ matrix).argmax(1)
    assert error == {"test_error": np.mean(guesses != labels[:test_size])}
    assert len(shapes) == 1
    assert shapes.pop()[0] <= 1000


@pytest.mark.parametrize(("model", "blocks"), [("odenet", 6), ("stem", 1), ("resnet", 0), ("revnet", 2.0)])
def test_blocks_are_of_the_stacks_alone(model, blocks):
    """The other rows have no number of blocks to choose, and no stack has fewer than one."""
    with pytest.raises(UserError, match="mnist: blocks must be a whole number of at least 1, of resnet or revnet"):
        task.MnistTask(model, "jax", seed=0, blocks=blocks)


@pytest.mark.parametrize(
    "option",
    [{"stem": "dense"}, {"batch_size": 0}, {"probe_size": 60_001}, {"test_size": 10_001}, {"steps": -1}],
)
def test_options_out_of_range_are_refused(option):
    """The message names the option and what is valid."""
    with pytest.raises(UserError, match=rf"mnist: {next(iter(option))} must be"):
        task.make_resnet("jax", seed=0, **option)

"""The tasks: their batches, formulas and options, and tables of the user's own."""

import math

import numpy as np
import pytest

from odebench.errors import DataError, UserError
from suites.ffjord import images, tabular
from suites.ffjord.gaussian import GaussianTask
from suites.ffjord.images import ImageTask
from suites.ffjord.tabular import TabularTask
from suites.ffjord.task import gaussian_nats, in_chunks
from suites.ffjord.toy import ToyTask


def same(a, b):
    return all(np.array_equal(a[name], b[name]) for name in a)


def test_batches_are_functions_of_seed_and_step():
    """Points and ε of a step come again in another framework and process, and are others at another step or seed."""
    first, again = (ToyTask(framework, seed=4).batch(7) for framework in ("torch", "jax"))
    assert same(first, again)
    for other in (
        ToyTask("torch", seed=4).batch(8),
        ToyTask("torch", seed=5).batch(7),
        ToyTask("torch", seed=4).probe(),
    ):
        assert not np.array_equal(first["x"], other["x"])
        assert not np.array_equal(first["eps"], other["eps"])
    assert set(np.unique(first["eps"])) == {-1.0, 1.0}
    assert "eps" not in ToyTask("torch", seed=4, trace="exact").batch(7)
    assert first["x"].dtype == first["eps"].dtype == np.float32


def test_noise_has_unit_covariance():
    """E[εεᵀ] = I of both kinds of noise."""
    for trace in ("gaussian", "rademacher"):
        eps = ToyTask("torch", seed=0, trace=trace, batch_size=20_000).batch(0)["eps"]
        assert np.allclose(eps.T @ eps / len(eps), np.eye(2), atol=0.03)


def test_baseline():
    """The fitted Gaussian's nats of Gaussian data are its entropy, log √(2πe)^D √|Σ|."""
    x = np.random.default_rng(0).standard_normal((50_000, 2)) @ [[2.0, 0.5], [0.0, 1.0]]
    assert gaussian_nats(x, x) == pytest.approx(math.log(2 * math.pi * math.e * 2), abs=0.02)


def test_metrics_of_a_known_density():
    """A flow that is N(0, 4 I): its KL is 0, its base's 3/2 − log 2 a dimension; and on the grid its mass is 1."""

    def predict(batch):
        if "z" in batch:
            return 2 * batch["z"]
        x = batch["x"].astype(np.float64)
        return -0.5 * (x**2).sum(axis=1) / 4 - x.shape[1] * math.log(2 * math.sqrt(2 * math.pi))

    found = GaussianTask("torch", seed=0, dimension=3, test_size=20_000).evaluate(predict)
    assert found["kl"] == pytest.approx(0, abs=1e-6)
    assert found["baseline_kl"] == pytest.approx(1.5 - math.log(2), abs=0.03)
    toy = ToyTask("torch", seed=0, edge=20, test_size=150)
    metrics, pictures = toy.evaluate(predict), toy.outputs(predict)
    assert metrics["mass_error"] == pytest.approx(1 - math.erf(3 / math.sqrt(2)) ** 2, abs=1e-3)
    assert metrics["gain_nats"] == metrics["baseline_nats"] - metrics["test_nats"]
    assert pictures["density"].shape == (20, 20)
    assert sum(array.nbytes for array in pictures.values()) < 10_000


def test_chunks():
    """Every row once and in order, though the last chunk is filled up."""
    sizes = []

    def predict(batch):
        sizes.append(len(batch["x"]))
        return batch["x"][:, 0]

    rows = np.arange(14.0).reshape(7, 2)
    assert np.array_equal(in_chunks(predict, "x", rows, 3), rows[:, 0])
    assert sizes == [3, 3, 3]


def test_bits():
    """Uniform noise is 8 bits; the transform's log-determinant is the derivative's, and grey levels come back."""
    assert images.bits(0.0, 784) == 8
    pixels = np.random.default_rng(0).integers(0, 256, (5, 4), dtype=np.uint8)
    v = images.dequantised(pixels, np.random.default_rng(1))
    assert np.array_equal(np.floor(256 * v), pixels)
    logits, log_slope = images.to_logits(v)
    step = 1e-7
    slopes = (images.to_logits(v + step)[0] - images.to_logits(v - step)[0]) / (2 * step)
    np.testing.assert_allclose(log_slope, np.log(slopes).sum(axis=1), rtol=1e-5)
    assert np.array_equal(images.grey_levels(logits), pixels)


def test_histogram():
    """Two grey levels, evenly: a bit a pixel, but for the one that is added everywhere."""
    train = np.array([[0], [255]] * 50_000, np.uint8)
    assert images.histogram_bits(train, train[:4]) == pytest.approx(1, abs=0.01)


def test_images_start_at_the_baseline():
    """Of a flow that is the identity the test bits are the baseline's, of real images of 7 × 7."""
    task = ImageTask("torch", seed=0, side=7, width=8, test_size=50, batch_size=25)
    metrics = task.evaluate(lambda b: -0.5 * (b["x"] ** 2 + math.log(2 * math.pi)).sum(axis=1) + b["log_slope"])
    assert metrics["test_bits"] == pytest.approx(metrics["baseline_bits"], rel=1e-5)
    assert 1 < metrics["histogram_bits"] < metrics["baseline_bits"] < 8
    assert task.outputs(lambda b: b["z"])["samples"].shape == (16, 7, 7)
    x = task.batch(3)["x"]
    assert abs(x.mean()) < 0.2
    assert 0.7 < x.std() < 1.3


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.setenv("ODEBENCH_DATA", str(tmp_path))
    rows = np.random.default_rng(0).standard_normal((200, 3)) * [1.0, 10.0, 0.1] + 5
    np.save(tmp_path / "table.npy", rows)
    np.savez(tmp_path / "table.npz", rows=rows)
    np.savetxt(tmp_path / "table.csv", rows, delimiter=",", header="a,b,c", comments="", fmt="%.18e")
    return tmp_path


def test_tables(table):
    """Three formats are one table; a tenth is held out, then a tenth of the rest; the training columns are standard."""
    found = [tabular.load(f"table.{ending}") for ending in ("npy", "npz", "csv")]
    for split in range(3):
        np.testing.assert_allclose(found[0][split], found[1][split])
        np.testing.assert_allclose(found[0][split], found[2][split])
    assert [len(part) for part in found[0]] == [162, 18, 20]
    np.testing.assert_allclose(found[0].train.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(found[0].train.std(axis=0), 1)
    parts = np.concatenate(found[0])
    assert len(np.unique(parts[:, 0])) == 200


def test_a_table_is_learnt(table, adapter, midpoint):
    """A synthetic table of two clusters in one column is trained on: the flow beats the Gaussian by half a nat on rows
    that it has not seen."""
    rng = np.random.default_rng(0)
    np.save(table / "clusters.npy", np.where(rng.uniform(size=(1500, 1)) < 0.5, 2, -2) + rng.normal(0, 0.3, (1500, 1)))
    task = TabularTask("torch", seed=0, file="clusters.npy", width=16, activation="tanh", steps=40, batch_size=100)
    made, odeint = adapter("torch", "float32"), midpoint(3)
    descent = made.descent(lambda p, b: task.loss(p, b, odeint), task.recipe, made.asarray(task.params))
    for i in range(40):
        descent.step(made.asarray(task.batch(i)), 0.02)
    predict = made.forward(lambda b: task.predict(descent.params, b, odeint))
    found = task.evaluate(lambda b: made.numpy(predict(made.asarray(b))))
    assert found["test_nats"] < found["baseline_nats"] - 0.5
    assert found["validation_nats"] < found["baseline_nats"] - 0.5


@pytest.mark.parametrize(
    ("file", "content", "says"),
    [
        ("", None, "MINIBOONE"),
        ("gone.npy", None, "ODEBENCH_DATA"),
        ("table.txt", None, ".csv"),
        ("bad.csv", "a,b\n1,2\n3,x\n", "no table of numbers"),
        ("short.csv", "1,2\n3,4\n", "rows or more"),
        ("flat.csv", "\n".join(f"{i},1" for i in range(30)), "column 1"),
        ("holes.csv", "\n".join(f"{i},nan" for i in range(30)), "not finite"),
    ],
)
def test_a_table_that_is_none(table, file, content, says):
    """What is wrong, and what to put where."""
    if content:
        (table / file).write_text(content)
    with pytest.raises((UserError, DataError), match=says):
        TabularTask("torch", seed=0, file=file)


@pytest.mark.parametrize(
    ("make", "options", "says"),
    [
        (ToyTask, {"density": "moon"}, "moons"),
        (ToyTask, {"trace": "hutchinson"}, "rademacher"),
        (ToyTask, {"steps": -1}, "steps"),
        (ToyTask, {"weights": "none.npz"}, "gaussian-2-0.npz"),
        (ToyTask, {"weights": "gaussian-2-0.npz"}, "not those"),
        (GaussianTask, {"dimension": 65}, "width"),
        (ImageTask, {"side": 20}, "side"),
        (ImageTask, {"trace": "exact"}, "rademacher"),
    ],
)
def test_options(make, options, says):
    """An option out of range is refused with the valid ones."""
    with pytest.raises(UserError, match=says):
        make("torch", seed=0, **options)

"""Training: one recipe is the same arithmetic in every framework, and goes on from its state to the last bit."""

import numpy as np
import pytest

from odebench.contract import Recipe, Unsupported
from odebench_jax.adapter import JaxAdapter
from odebench_numpy.adapter import NumpyAdapter
from odebench_torch.adapter import TorchAdapter

TARGET = np.array([1.0, -1.0])
START = {"w": np.array([3.0, 0.5]), "unused": np.array([7.0])}
ADAPTERS = pytest.mark.parametrize("adapter", [TorchAdapter, JaxAdapter, NumpyAdapter], ids=["torch", "jax", "numpy"])
OPTIMIZERS = pytest.mark.parametrize("optimizer", ["sgd", "adam", "rmsprop"])
RATES = (0.1, 0.1, 0.05, 0.2)


def loss(params, target):
    return ((params["w"] - target) ** 2).sum() / 2


@pytest.fixture
def descent(adapter):
    """Make a float64 descent of one kind."""
    made = adapter("cpu", "float64")
    made.activate()

    def make(recipe, params=START):
        try:
            return made, made.descent(loss, recipe, made.asarray(params))
        except Unsupported:
            pytest.skip("the framework has no such optimizer")

    return make


def by_hand(recipe, rates):
    """The recipes as their authors give them: Polyak; Kingma & Ba, algorithm 1; Tieleman & Hinton, lecture 6.5."""
    w, m, v = START["w"].copy(), np.zeros(2), np.zeros(2)
    for n, rate in enumerate(rates, 1):
        g = w - TARGET + recipe.weight_decay * w
        if recipe.optimizer == "sgd":
            m = recipe.momentum * m + g
            w = w - rate * m
        elif recipe.optimizer == "adam":
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
            w = w - rate * (m / (1 - 0.9**n)) / (np.sqrt(v / (1 - 0.999**n)) + 1e-8)
        else:
            v = 0.99 * v + 0.01 * g * g
            w = w - rate * g / (np.sqrt(v) + 1e-8)
    return w


@ADAPTERS
@OPTIMIZERS
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_steps_by_hand(descent, optimizer, weight_decay):
    """Four steps of changing rate; the loss is the one before the step; what is not used moves by its decay alone."""
    recipe = Recipe(4, 0.1, momentum=0.9, optimizer=optimizer, weight_decay=weight_decay)
    adapter, training = descent(recipe)
    values = [float(training.step(adapter.asarray(TARGET), rate)) for rate in RATES]
    assert values[0] == pytest.approx(((START["w"] - TARGET) ** 2).sum() / 2, rel=1e-14)
    np.testing.assert_allclose(adapter.numpy(training.params)["w"], by_hand(recipe, RATES), rtol=1e-9)
    if not weight_decay:
        assert adapter.numpy(training.params)["unused"] == 7


@ADAPTERS
@OPTIMIZERS
def test_restored_to_the_last_bit(descent, optimizer):
    """Two steps, a new descent from what was stored, two more: what four in one go give. What was given stays."""
    recipe = Recipe(4, 0.1, momentum=0.9, optimizer=optimizer, weight_decay=0.01)
    adapter, whole = descent(recipe)
    for rate in RATES:
        whole.step(adapter.asarray(TARGET), rate)
    _, first = descent(recipe)
    for rate in RATES[:2]:
        first.step(adapter.asarray(TARGET), rate)
    params = {name: np.array(p) for name, p in adapter.numpy(first.params).items()}
    state = {name: np.array(x) for name, x in first.state().items()}
    _, second = descent(recipe)
    second.restore(adapter.asarray(params), state)
    for rate in RATES[2:]:
        second.step(adapter.asarray(TARGET), rate)
    np.testing.assert_array_equal(adapter.numpy(second.params)["w"], adapter.numpy(whole.params)["w"])
    assert START["w"].tolist() == [3.0, 0.5]


def test_numpy_says_which_optimizers_it_has_not():
    """An Unsupported, which the harness makes a skipped record of."""
    adapter = NumpyAdapter("cpu", "float64")
    with pytest.raises(Unsupported, match="sgd only, not with adam"):
        adapter.descent(loss, Recipe(1, 0.1, optimizer="adam"), START)


@OPTIMIZERS
def test_jax_compiles_a_step_once(optimizer):
    """The optimizer's first state is where its later ones are."""
    traces = []

    def traced(params, target):
        traces.append(1)
        return loss(params, target)

    adapter = JaxAdapter("cpu", "float64")
    adapter.activate()
    training = adapter.descent(traced, Recipe(3, 0.1, optimizer=optimizer), adapter.asarray(START))
    target = adapter.asarray(TARGET)
    for rate in RATES:
        training.step(target, rate)
    assert training._step._cache_size() == 1
    assert len(traces) == 1

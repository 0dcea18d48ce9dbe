"""The closed forms are held to two other routes: SciPy's integrator, and differences."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from odebench.check import problems
from odebench.check.problems import SPAN, TIMES, weighted_sum
from odebench.check.trees import distance, leaves, tree_map, unflatten

NAMES = ("VECTOR", "MATRIX", "SCALAR", "TUPLE", "DICT")


@pytest.fixture(params=NAMES)
def problem(request):
    return getattr(problems, request.param)


def _scipy(problem, ts):
    shapes = [y.shape for y in leaves(problem.y0)]
    ends = np.cumsum([y.size for y in leaves(problem.y0)])

    def state(flat):
        parts = np.split(flat, ends[:-1], axis=-1)
        return unflatten(problem.y0, [p.reshape(flat.shape[:-1] + s) for p, s in zip(parts, shapes, strict=True)])

    def flat(tree):
        return np.concatenate([np.ravel(leaf) for leaf in leaves(tree)])

    solution = solve_ivp(
        lambda t, y: flat(problem.f(t, state(y), problem.params)),
        SPAN, flat(problem.y0), "DOP853", ts, rtol=1e-12, atol=1e-13,
    )  # fmt: skip
    return state(solution.y.T)


def test_solutions(problem):
    """Against DOP853."""
    assert distance(problem.exact(TIMES), _scipy(problem, TIMES)) < 1e-11


def test_gradients(problem):
    """Against central differences of the closed form, for every input and each of its numbers."""
    found, inputs, weights, h = problem.gradient(TIMES), problem.inputs(TIMES), problem.weights(TIMES), 1e-5

    def value(name, index, by):
        moved = inputs[name].copy()
        moved[index] += by
        return weighted_sum(
            weights, problem.outputs(inputs | {name: moved}, lambda _, y0, ts, p: problem.exact(ts, y0, p))
        )

    assert set(found) == set(inputs) >= {"ts", "y0[0]", "drift", "unused"}
    for name, gradient in found.items():
        for index in np.ndindex(gradient.shape):
            difference = (value(name, index, h) - value(name, index, -h)) / (2 * h)
            assert gradient[index] == pytest.approx(difference, abs=1e-7)
    assert not found["unused"].any()


def test_nothing_is_easy(problem):
    """Every gradient but that of the unused parameter is of some size: a relative error of it says something."""
    for name, gradient in problem.gradient(TIMES).items():
        assert name == "unused" or np.abs(gradient).max() > 0.1


def test_trees():
    """Dicts are taken in the order of their keys, as frameworks do."""
    tree = {"b": (1, 2), "a": [3]}
    assert leaves(tree) == [3, 1, 2]
    assert tree_map(lambda x, y: x + y, tree, {"a": [10], "b": (20, 30)}) == {"a": [13], "b": (21, 32)}
    assert unflatten(tree, [7, 8, 9]) == {"a": [7], "b": (8, 9)}


def test_distance_knows_shapes():
    """What cannot be compared is an error, and not a number that broadcasting makes."""
    with pytest.raises(ValueError, match=r"outputs have shape \(2,\), expected \(2, 1\)"):
        distance(np.zeros(2), np.zeros((2, 1)))
    with pytest.raises(ValueError, match="outputs are"):
        distance((np.zeros(2),), np.zeros(2))


class Bare:
    """An array that has a shape, Python's arithmetic and indexing, and no more: TensorFlow's have neither ``@`` of
    vectors nor methods."""

    def __init__(self, x):
        self.x = np.asarray(x)
        self.shape = self.x.shape

    def __getitem__(self, index):
        return Bare(self.x[index])

    def _with(self, other, operation):
        return Bare(operation(self.x, getattr(other, "x", other)))

    def __add__(self, other):
        return self._with(other, np.add)

    def __sub__(self, other):
        return self._with(other, np.subtract)

    def __mul__(self, other):
        return self._with(other, np.multiply)

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self):
        return Bare(-self.x)


@pytest.mark.parametrize("problem", [problems.VECTOR, problems.MATRIX, problems.SCALAR, problems.TUPLE, problems.DICT])
def test_operators_and_indexing_are_enough(problem):
    """Of dynamics and of the weighted sum: for the same numbers."""
    y0, params = (tree_map(Bare, tree) for tree in (problem.y0, problem.params))
    found = leaves(problem.f(Bare(0.7), y0, params))
    for bare, full in zip(found, leaves(problem.f(0.7, problem.y0, problem.params)), strict=True):
        np.testing.assert_array_equal(bare.x, full)
    weights, ys = problem.weights(TIMES), problem.exact(TIMES)
    total = weighted_sum(tree_map(Bare, weights), tree_map(Bare, ys))
    assert total.x == pytest.approx(sum(np.sum(w * y) for w, y in zip(leaves(weights), leaves(ys), strict=True)))

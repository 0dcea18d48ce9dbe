"""Trees and flat states in NumPy: nothing is lost or swapped on the way, under differentiation too."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import autograd
import autograd.numpy as anp
import numpy as np
import pytest

from odebench_numpy.layout import Layout
from odebench_numpy.tree import LEAF, flatten, tree_map, unflatten

Pair = namedtuple("Pair", ["first", "second"])
A, B, C = np.arange(3.0), np.ones((2, 2)), np.array(5.0)


@pytest.mark.parametrize(
    ("tree", "structure", "count"),
    [
        (A, LEAF, 1),
        ((A, [B, C]), (LEAF, [LEAF, LEAF]), 3),
        ({"b": A, "a": (B,)}, {"a": (LEAF,), "b": LEAF}, 2),
        (Pair(A, None), Pair(LEAF, None), 1),
        (None, None, 0),
        ((), (), 0),
    ],
)
def test_a_tree_taken_apart_is_put_together(tree: Any, structure: Any, count: int) -> None:
    """With its own containers, and None as a tree without arrays."""
    leaves, found = flatten(tree)
    assert (found, type(found), len(leaves)) == (structure, type(structure), count)
    again = unflatten(found, leaves)
    assert type(again) is type(tree)
    assert [id(leaf) for leaf in flatten(again)[0]] == [id(leaf) for leaf in leaves]


def test_dicts_of_one_structure_give_their_leaves_in_one_order() -> None:
    """Whatever the order of their keys."""
    one, two = flatten({"a": A, "b": B}), flatten({"b": B, "a": A})
    assert one[1] == two[1]
    assert [leaf is other for leaf, other in zip(one[0], two[0], strict=True)] == [True, True]


def test_autograds_boxes_are_trees() -> None:
    """Of a dict and a tuple that are differentiated as a whole."""
    grads = autograd.grad(lambda tree: sum(anp.sum(x**2) for x in flatten(tree)[0]))({"x": (A, C), "y": [B]})
    assert tree_map(np.ndarray.tolist, grads) == {"x": ([0.0, 2.0, 4.0], 10.0), "y": [[[2.0, 2.0], [2.0, 2.0]]]}


def test_a_state_is_one_vector_and_back() -> None:
    """Also with times in front, and differentiably."""
    tree = {"a": (A, B), "c": C}
    layout = Layout(tree)
    vector = layout.flat(tree)
    assert vector.tolist() == [0, 1, 2, 1, 1, 1, 1, 5]
    assert tree_map(np.ndarray.tolist, layout.tree(vector)) == tree_map(np.ndarray.tolist, tree)
    many = layout.outputs(np.stack([vector, 2 * vector]), (2,))
    assert [leaf.shape for leaf in flatten(many)[0]] == [(2, 3), (2, 2, 2), (2,)]
    assert many["c"].tolist() == [5, 10]
    slope = autograd.grad(lambda v: anp.sum(layout.flat(layout.tree(v * v)) * vector))(vector)
    assert slope.tolist() == (2 * vector * vector).tolist()

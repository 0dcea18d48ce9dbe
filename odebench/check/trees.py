"""States as trees: an array, or a tuple, list or dict of them (in the order of its keys). Knows no framework's own
tree library."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from odebench.contract import PyTree


def tree_map(function: Callable[..., Any], tree: PyTree, *others: PyTree) -> PyTree:
    if isinstance(tree, dict):
        return {
            key: tree_map(function, value, *(other[key] for other in others)) for key, value in sorted(tree.items())
        }
    if isinstance(tree, tuple | list):
        return type(tree)(tree_map(function, *parts) for parts in zip(tree, *others, strict=True))
    return function(tree, *others)


def leaves(tree: PyTree) -> list[Any]:
    found: list[Any] = []
    tree_map(found.append, tree)
    return found


def structure(tree: PyTree) -> str:
    """The tree without its arrays, to be compared and printed."""
    return str(tree_map(lambda _: "*", tree)).replace("'*'", "*")


def unflatten(like: PyTree, arrays: Sequence[Any]) -> PyTree:
    """A tree like another, with other leaves."""
    rest = iter(arrays)
    return tree_map(lambda _: next(rest), like)


def distance(ys: PyTree, reference: PyTree) -> float:
    """The largest difference of two trees of NumPy arrays, relative where the reference is above 1; NaN where one is.

    :raises ValueError: when structure or shapes differ.
    """
    if structure(ys) != structure(reference):
        raise ValueError(f"the outputs are {structure(ys)}, expected {structure(reference)}")
    apart = []
    for a, b in zip(leaves(ys), leaves(reference), strict=True):
        if a.shape != b.shape:
            raise ValueError(f"the outputs have shape {a.shape}, expected {b.shape}")
        apart.append(np.max(np.abs(a - b) / (1 + np.abs(b))))
    return float(np.max(apart))


def relative(found: NDArray[Any], reference: NDArray[Any]) -> float:
    """The largest difference over the largest number of the reference."""
    if found.shape != reference.shape:
        raise ValueError(f"a gradient has shape {found.shape}, expected {reference.shape}")
    return float(np.max(np.abs(found - reference)) / np.max(np.abs(reference)))

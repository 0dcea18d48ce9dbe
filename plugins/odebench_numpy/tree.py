"""Trees: dicts, lists and tuples of arrays, and autograd's boxes of these."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from autograd.builtins import isinstance as holds  # type: ignore[import-untyped]
from autograd.tracer import getval, isbox  # type: ignore[import-untyped]

from odebench.contract import PyTree

LEAF = "*"
"""What stands for an array in a structure, which is a tree itself; ``None`` is a tree without arrays."""


def flatten(tree: PyTree) -> tuple[list[Any], Any]:
    """The leaves of a tree, a dict's in the order of its sorted keys, and its structure."""
    leaves: list[Any] = []

    def take(node: Any) -> Any:
        if node is None:
            return None
        if holds(node, dict):
            return {key: take(node[key]) for key in sorted(node.keys())}
        if holds(node, list | tuple):
            return _sequence(node, [take(node[i]) for i in range(len(node))])
        leaves.append(node)
        return LEAF

    return leaves, take(tree)


def unflatten(structure: Any, leaves: Sequence[Any]) -> PyTree:
    """The tree that :func:`flatten` took apart, with these leaves."""
    remaining = iter(leaves)

    def build(node: Any) -> Any:
        if isinstance(node, dict):
            return {key: build(child) for key, child in node.items()}
        if isinstance(node, list | tuple):
            return _sequence(node, [build(child) for child in node])
        return None if node is None else next(remaining)

    return build(structure)


def tree_map(function: Callable[[Any], Any], tree: PyTree) -> PyTree:
    leaves, structure = flatten(tree)
    return unflatten(structure, [function(leaf) for leaf in leaves])


def value_of(x: Any) -> Any:
    """What is in a box, of however many traces; anything else as it is."""
    while isbox(x):
        x = getval(x)
    return x


def _sequence(like: Any, children: list[Any]) -> Any:
    if holds(like, list):
        return children
    make = getattr(like, "_make", tuple)  # a named tuple's own
    return make(children)

"""Trees that the compiler can trace the taking apart of: optree's own structures are closed to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from odebench.contract import PyTree, Unsupported
from odebench_torch.layout import unflatten


class Tree:
    """What :func:`odebench_torch.layout.flatten` found: dicts, lists, tuples and named tuples within each other.

    :raises Unsupported: from a call, for another kind of node.
    """

    def __init__(self, structure: Any) -> None:
        self.numbered = 0 if structure is None else unflatten(structure, range(structure.num_leaves))

    def of(self, leaves: Sequence[Any]) -> PyTree:
        return _filled(self.numbered, leaves)

    def leaves(self, tree: PyTree) -> list[Tensor]:
        """Those of a tree of this structure, in its order."""
        found: dict[int, Tensor] = {}
        _collect(self.numbered, tree, found)
        return [found[i] for i in range(len(found))]


def _filled(node: Any, leaves: Sequence[Any]) -> PyTree:
    if isinstance(node, int):
        return leaves[node]
    if isinstance(node, dict):
        return {key: _filled(part, leaves) for key, part in node.items()}
    if isinstance(node, list):
        return [_filled(part, leaves) for part in node]
    if isinstance(node, tuple):
        parts = [_filled(part, leaves) for part in node]
        return type(node)(*parts) if hasattr(node, "_fields") else tuple(parts)
    if node is None:
        return None
    raise Unsupported(f"compile=True: a {type(node).__name__} in a tree cannot be traced")


def _collect(node: Any, tree: PyTree, found: dict[int, Tensor]) -> None:
    if isinstance(node, int):
        found[node] = tree
    elif isinstance(node, dict):
        for key, part in node.items():
            _collect(part, tree[key], found)
    elif node is not None:
        for part, branch in zip(node, tree, strict=True):
            _collect(part, branch, found)

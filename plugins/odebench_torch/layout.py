"""A state, a tensor or a tree of tensors, as one flat vector."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

import torch
from torch import Tensor

from odebench.contract import PyTree


def flatten(tree: PyTree) -> tuple[list[Any], Any]:
    """The leaves of a tree and its structure; ``None`` is the structure of a bare tensor."""
    if isinstance(tree, Tensor):
        return [tree], None
    import optree  # here, so that a bare tensor does not need it

    leaves, structure = optree.tree_flatten(tree)
    return leaves, structure


def unflatten(structure: Any, leaves: Sequence[Any]) -> PyTree:
    """The tree that :func:`flatten` took apart, with these leaves."""
    if structure is None:
        return leaves[0]
    import optree  # here, so that a bare tensor does not need it

    return optree.tree_unflatten(structure, leaves)


class Layout:
    """Where each leaf of a state lies in the flat vector.

    :raises TypeError: when a leaf is not a real floating-point tensor, or the leaves differ in dtype or device.
    """

    def __init__(self, y0: PyTree) -> None:
        leaves, structure = flatten(y0)
        if not leaves:
            raise TypeError("y0 has no tensors")
        for leaf in leaves:
            if not isinstance(leaf, Tensor):
                raise TypeError(f"y0 must be a tensor or a tree of tensors, got a {type(leaf).__name__}")
            if not leaf.is_floating_point():
                raise TypeError(f"y0 must be real and floating-point, got {leaf.dtype}")
        if len({(leaf.dtype, leaf.device) for leaf in leaves}) > 1:
            raise TypeError(f"the leaves of y0 differ: {sorted({f'{x.dtype} on {x.device}' for x in leaves})}")
        self.tree: Callable[[Sequence[Tensor]], PyTree] = itemgetter(0) if structure is None else structure.unflatten
        self.structure = structure
        self.dtype, self.device = leaves[0].dtype, leaves[0].device
        self.like = [leaf.detach() for leaf in leaves]
        self.shapes = [leaf.shape for leaf in leaves]
        self.sizes = [leaf.numel() for leaf in leaves]
        self.size = sum(self.sizes)

    def flat(self, tree: PyTree) -> Tensor:
        """The tree as one vector, differentiably."""
        return self.join(flatten(tree)[0])

    def join(self, leaves: Sequence[Tensor]) -> Tensor:
        """The leaves as one vector, differentiably."""
        return leaves[0].reshape(-1) if len(leaves) == 1 else torch.cat([leaf.reshape(-1) for leaf in leaves])

    def views(self, vector: Tensor) -> list[Tensor]:
        """The leaves that a flat vector holds, as views of it."""
        like = self.like
        if len(like) == 1:
            return [vector.view_as(like[0])]
        return list(map(Tensor.view_as, vector.split_with_sizes(self.sizes), like))

    def write(self, leaves: Sequence[Tensor | None], row: Tensor) -> None:
        """Write leaves into a row of a buffer; a missing one is zero."""
        if len(leaves) == 1:
            if leaves[0] is None:
                row.zero_()
            else:
                row.copy_(leaves[0].ravel())
            return
        parts = [
            row.new_zeros(size) if leaf is None else leaf.ravel() for leaf, size in zip(leaves, self.sizes, strict=True)
        ]
        torch.cat(parts, out=row)

    def evaluate(self, call: Callable[[Tensor, PyTree], PyTree], t: Tensor, y: Tensor) -> list[Tensor]:
        """The leaves of ``call(t, y)``, y flat.

        :raises ValueError: when f changes y in place, and as :meth:`derivative`, like its TypeError.
        """
        before = None if y.is_inference() else y._version  # inference tensors have none
        leaves = self.derivative(call(t, self.tree(self.views(y))))
        if before is not None and y._version != before:
            raise ValueError("f must not change y in place: it is the solver's own")
        return leaves

    def derivative(self, dydt: PyTree) -> list[Tensor]:
        """The leaves of what f returned.

        :raises ValueError: when its structure or a shape is not y's.
        :raises TypeError: when a leaf is not a tensor of y's dtype.
        """
        leaves = [dydt] if self.structure is None else self._leaves(dydt)
        for leaf, shape in zip(leaves, self.shapes):  # noqa: B905 - one for each, by the structure
            if not isinstance(leaf, Tensor):
                self._same_structure(dydt)
                raise TypeError(f"dy/dt must consist of tensors, got a {type(leaf).__name__}")
            if leaf.shape != shape:
                raise ValueError(f"dy/dt must have the shape of y: got {tuple(leaf.shape)}, expected {tuple(shape)}")
            if leaf.dtype is not self.dtype:
                raise TypeError(f"dy/dt must have the dtype of y: got {leaf.dtype}, expected {self.dtype}")
        return leaves

    def _leaves(self, dydt: PyTree) -> list[Tensor]:
        """As :func:`flatten` finds them, but faster."""
        try:
            found: list[Tensor] = self.structure.flatten_up_to(dydt)
        except ValueError:
            self._same_structure(dydt)
            raise
        return found

    def _same_structure(self, dydt: PyTree) -> None:
        structure = flatten(dydt)[1]
        if structure != self.structure:
            raise ValueError(f"dy/dt must have the structure of y: got {structure}, expected {self.structure}")

    def outputs(self, ys: Tensor) -> PyTree:
        """A (T, n) matrix of states as a tree like y0, each leaf with T in front."""
        parts: Sequence[Tensor] = (ys,) if len(self.like) == 1 else ys.split_with_sizes(self.sizes, dim=1)
        count = ys.shape[0]
        return self.tree([part.view(count, *shape) for part, shape in zip(parts, self.shapes, strict=True)])

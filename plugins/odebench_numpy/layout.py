"""A state, an array or a tree of arrays, as one flat vector."""

from __future__ import annotations

import itertools
from typing import Any

import autograd.numpy as anp  # type: ignore[import-untyped]
import numpy as np

from odebench.contract import Array, PyTree
from odebench_numpy.tree import flatten, unflatten, value_of


class Layout:
    """Where each leaf of a state lies in the flat vector. Its methods can be differentiated by autograd.

    :raises TypeError: when a leaf is not a float32 or float64 array, or the leaves differ in dtype.
    """

    def __init__(self, y0: PyTree) -> None:
        leaves, self.structure = flatten(y0)
        values = [value_of(leaf) for leaf in leaves]
        for leaf in values:
            if not isinstance(leaf, np.ndarray | np.generic):
                raise TypeError(f"y0 must be an array or a tree of arrays, got a {type(leaf).__name__}")
            if leaf.dtype not in (np.float32, np.float64):
                raise TypeError(f"y0 must be real and floating-point, float32 or float64, got {leaf.dtype}")
        if len({leaf.dtype for leaf in values}) > 1:
            raise TypeError(f"the leaves of y0 differ: {sorted({str(leaf.dtype) for leaf in values})}")
        self.shapes = [leaf.shape for leaf in values]
        self._ends = list(itertools.accumulate(leaf.size for leaf in values))
        if not self._ends or not self._ends[-1]:
            raise TypeError("y0 has no numbers")
        self.dtype: np.dtype[Any] = values[0].dtype
        self.size = self._ends[-1]

    def flat(self, tree: PyTree) -> Array:
        return _concatenated(flatten(tree)[0])

    def tree(self, vector: Array) -> PyTree:
        return self.outputs(vector, ())

    def outputs(self, ys: Array, lead: tuple[int, ...]) -> PyTree:
        """An array of shape (*lead, n) as a tree like y0, each leaf with ``lead`` in front."""
        if len(self.shapes) == 1:
            return unflatten(self.structure, [anp.reshape(ys, lead + self.shapes[0])])
        bounds = itertools.pairwise([0, *self._ends])
        parts = [ys[..., low:high] for low, high in bounds]
        leaves = [anp.reshape(part, lead + shape) for part, shape in zip(parts, self.shapes, strict=True)]
        return unflatten(self.structure, leaves)

    def derivative(self, dydt: PyTree) -> Array:
        """What f returned, as one vector.

        :raises ValueError: when its structure or a shape is not y's.
        :raises TypeError: when a leaf is not an array of y's dtype.
        """
        leaves, structure = flatten(dydt)
        if structure != self.structure:
            raise ValueError(f"dy/dt must have the structure of y: got {structure}, expected {self.structure}")
        for leaf, shape in zip(map(value_of, leaves), self.shapes, strict=True):
            if not isinstance(leaf, np.ndarray | np.generic):
                raise TypeError(f"dy/dt must consist of arrays, got a {type(leaf).__name__}")
            if leaf.shape != shape:
                raise ValueError(f"dy/dt must have the shape of y: got {leaf.shape}, expected {shape}")
            if leaf.dtype != self.dtype:
                raise TypeError(f"dy/dt must have the dtype of y: got {leaf.dtype}, expected {self.dtype}")
        return _concatenated(leaves)


def _concatenated(leaves: list[Array]) -> Array:
    vectors = [anp.reshape(leaf, (-1,)) for leaf in leaves]
    return vectors[0] if len(vectors) == 1 else anp.concatenate(vectors)

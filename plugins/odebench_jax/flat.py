"""The state as one vector: the engine steps a vector, whatever tree the dynamics are written on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

PyTree = Any
Norm = Callable[[jax.Array], jax.Array]


@dataclass(frozen=True)
class Layout:
    """Where the leaves of a state lie in its vector of ``size`` numbers of type ``dtype``."""

    treedef: jax.tree_util.PyTreeDef
    shapes: tuple[tuple[int, ...], ...]
    dtypes: tuple[np.dtype[Any], ...]

    @classmethod
    def of(cls, state: PyTree) -> Layout:
        """:raises TypeError: when there is no leaf, or one is not real floating point."""
        leaves, treedef = jax.tree.flatten(state)
        if not leaves:
            raise TypeError("the state has no arrays")
        for leaf in leaves:
            if not jnp.issubdtype(leaf.dtype, jnp.floating):
                raise TypeError(f"the state must be of real floating-point arrays, got one of {leaf.dtype}")
        return cls(treedef, tuple(x.shape for x in leaves), tuple(x.dtype for x in leaves))

    @property
    def dtype(self) -> np.dtype[Any]:
        return jnp.result_type(*self.dtypes)

    @property
    def slices(self) -> list[slice]:
        ends = np.cumsum([0, *(int(np.prod(shape)) for shape in self.shapes)])
        return [slice(int(a), int(b)) for a, b in pairwise(ends)]

    def ravel(self, state: PyTree) -> jax.Array:
        """The state, or what f returned, as a vector.

        :raises TypeError: when the tree or a shape is not the layout's, or a leaf is not real and floating-point, or is
            of fewer bits than the layout's.
        """
        leaves, treedef = jax.tree.flatten(state)
        shapes = tuple(jnp.shape(x) for x in leaves)
        if treedef != self.treedef or shapes != self.shapes:
            raise TypeError(f"f must return what y is: {self.treedef} of {self.shapes}, got {treedef} of {shapes}")
        for x, dtype in zip(leaves, self.dtypes, strict=True):
            given = jnp.result_type(x)
            if not jnp.issubdtype(given, jnp.floating):
                raise TypeError(f"f must return real floating-point arrays, got {given}")
            if jnp.finfo(given).bits < jnp.finfo(dtype).bits:
                raise TypeError(f"f must return no lower precision than that of y: got {given} for {dtype}")
        flat = [jnp.ravel(x).astype(self.dtype) for x in leaves]
        return jnp.concatenate(flat) if len(flat) > 1 else flat[0]

    def unravel(self, vector: jax.Array) -> PyTree:
        """The state; leading axes of ``vector`` become leading axes of every leaf."""
        leading = vector.shape[:-1]
        leaves = [
            vector[..., part].reshape(leading + shape).astype(dtype)
            for part, shape, dtype in zip(self.slices, self.shapes, self.dtypes, strict=True)
        ]
        return jax.tree.unflatten(self.treedef, leaves)

    def norm(self, vector: jax.Array) -> jax.Array:
        """The largest of the leaves' root mean squares, so that inert leaves cannot dilute the others."""
        leaves = [vector[part] for part in self.slices if part.start < part.stop]
        squares = [jnp.vdot(leaf, leaf, precision=lax.Precision.HIGHEST) / leaf.size for leaf in leaves]
        largest = jnp.stack(squares).max() if len(squares) > 1 else sum(squares, jnp.zeros((), self.dtype))
        return jnp.sqrt(largest)

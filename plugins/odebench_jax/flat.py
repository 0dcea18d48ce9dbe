"""The state as one vector: the engine steps a vector, whatever tree the dynamics are written on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

PyTree = Any
Norm = Callable[[jax.Array], jax.Array]
Parts = list[jax.Array]
"""Consecutive parts of a state's vector."""

ALONE = 1024
"""A leaf of so many numbers is a part by itself; smaller ones beside each other are one part."""


@dataclass(frozen=True)
class Field:
    """Dynamics on the parts of a state's vector.

    :param on_parts: ``(t, parts) -> parts``.
    :param cuts: where in the vector a part ends and the next begins.
    """

    on_parts: Callable[[jax.Array, Parts], Parts]
    cuts: tuple[int, ...] = ()

    @classmethod
    def of(cls, f: Callable[[jax.Array, jax.Array], jax.Array]) -> Field:
        """Dynamics on the vector itself, as one part."""
        return cls(lambda t, parts: [f(t, *parts)])

    def split(self, vector: jax.Array) -> Parts:
        return split(vector, self.cuts)

    def __call__(self, t: jax.Array, y: jax.Array) -> jax.Array:
        """On the vector itself."""
        parts = self.on_parts(t, self.split(y))
        return jnp.concatenate(parts) if len(parts) > 1 else parts[0]


def split(vector: jax.Array, cuts: tuple[int, ...]) -> Parts:
    """The last axis, cut there."""
    ends = [0, *cuts, vector.shape[-1]]
    return [vector[..., a:b] for a, b in pairwise(ends)] if cuts else [vector]


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

    @cached_property
    def slices(self) -> list[slice]:
        ends = np.cumsum([0, *(int(np.prod(shape)) for shape in self.shapes)])
        return [slice(int(a), int(b)) for a, b in pairwise(ends)]

    @cached_property
    def _groups(self) -> list[list[int]]:
        """The leaves of each part, by their places."""
        groups: list[list[int]] = []
        sizes = [part.stop - part.start for part in self.slices]
        for i, size in enumerate(sizes):
            if not groups or max(size, sizes[i - 1]) >= ALONE:
                groups.append([])
            groups[-1].append(i)
        return groups

    @property
    def cuts(self) -> tuple[int, ...]:
        """Where the parts of the vector meet, in which :class:`Field` has it."""
        return tuple(self.slices[group[0]].start for group in self._groups[1:])

    def parts(self, state: PyTree) -> Parts:
        """:meth:`ravel` in parts, which raises the same."""
        flat = self._flat(state)
        groups = [[flat[i] for i in group] for group in self._groups]
        return [jnp.concatenate(group) if len(group) > 1 else group[0] for group in groups]

    def state(self, parts: Parts) -> PyTree:
        """:meth:`unravel` of parts."""
        leaves = []
        for group, part in zip(self._groups, parts, strict=True):
            start = self.slices[group[0]].start
            for i in group:
                where = slice(self.slices[i].start - start, self.slices[i].stop - start)
                leaves.append(part[where].reshape(self.shapes[i]).astype(self.dtypes[i]))
        return jax.tree.unflatten(self.treedef, leaves)

    def ravel(self, state: PyTree) -> jax.Array:
        """The state, or what f returned, as a vector.

        :raises TypeError: when the tree or a shape is not the layout's, or a leaf is not real and floating-point, or is
            of fewer bits than the layout's.
        """
        flat = self._flat(state)
        return jnp.concatenate(flat) if len(flat) > 1 else flat[0]

    def _flat(self, state: PyTree) -> list[jax.Array]:
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
        return [jnp.ravel(x).astype(self.dtype) for x in leaves]

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

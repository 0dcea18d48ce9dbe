"""A state, a tensor or a tree of tensors, and what f may return for it."""

from __future__ import annotations

import itertools
from typing import Any

import tensorflow as tf  # type: ignore[import-untyped, import-not-found, unused-ignore]

from odebench.contract import PyTree

Tensor = Any


def is_tensor(x: Any) -> bool:
    return isinstance(x, tf.Tensor | tf.Variable)


class State:
    """What y0 is like.

    :raises TypeError: when a leaf is not a real floating-point tensor, or the leaves differ in dtype.
    """

    def __init__(self, y0: PyTree) -> None:
        self.like = y0
        leaves = tf.nest.flatten(y0)
        if not leaves:
            raise TypeError("y0 has no tensors")
        for leaf in leaves:
            if not is_tensor(leaf):
                raise TypeError(f"y0 must be a tensor or a tree of tensors, got a {type(leaf).__name__}")
            if not leaf.dtype.is_floating:
                raise TypeError(f"y0 must be real and floating-point, got {leaf.dtype.name}")
        if len(dtypes := {leaf.dtype.name for leaf in leaves}) > 1:
            raise TypeError(f"the leaves of y0 differ: {sorted(dtypes)}")
        self.dtype = leaves[0].dtype
        self.shapes = [leaf.shape for leaf in leaves]

    def derivative(self, dydt: PyTree) -> PyTree:
        """What f returned, checked.

        :raises ValueError: when its structure or a shape is not y's.
        :raises TypeError: when a leaf is not a tensor of y's dtype.
        """
        try:
            tf.nest.assert_same_structure(self.like, dydt)
        except (TypeError, ValueError) as error:
            raise ValueError(f"dy/dt must have the structure of y: {error}") from error
        for leaf, shape in zip(tf.nest.flatten(dydt), self.shapes, strict=True):
            if not is_tensor(leaf):
                raise TypeError(f"dy/dt must consist of tensors, got a {type(leaf).__name__}")
            if not leaf.shape.is_compatible_with(shape):
                raise ValueError(f"dy/dt must have the shape of y: got {tuple(leaf.shape)}, expected {tuple(shape)}")
            if leaf.dtype != self.dtype:
                raise TypeError(f"dy/dt must have the dtype of y: got {leaf.dtype.name}, expected {self.dtype.name}")
        return dydt


def check_times(ts: Tensor) -> None:
    """Values are looked at outside a graph only.

    :raises ValueError: when ts is not of shape (T,), T ≥ 1, or not strictly monotone.
    """
    if ts.shape.rank != 1 or ts.shape[0] == 0:
        raise ValueError(f"ts must be a vector of at least one time, got shape {tuple(ts.shape)}")
    if not tf.executing_eagerly():
        return
    times = ts.numpy().tolist()
    ascending = times[-1] > times[0]
    for i, (before, after) in enumerate(itertools.pairwise(times), start=1):
        if not (before < after if ascending else before > after):
            raise ValueError(f"ts must be strictly monotone, but ts[{i - 1}] = {before} and ts[{i}] = {after}")

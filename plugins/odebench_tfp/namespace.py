"""The functions of the Array API that the suites' tasks are written in, for TensorFlow's tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf  # type: ignore[import-untyped, import-not-found, unused-ignore]

Tensor = Any

cos, cosh, exp, log, sin, sinh, sqrt, tan, tanh = (
    getattr(tf.math, name) for name in ("cos", "cosh", "exp", "log", "sin", "sinh", "sqrt", "tan", "tanh")
)


def concat(arrays: Sequence[Tensor], /, *, axis: int = 0) -> Tensor:
    return tf.concat(arrays, axis)


def stack(arrays: Sequence[Tensor], /, *, axis: int = 0) -> Tensor:
    return tf.stack(arrays, axis)


def reshape(x: Tensor, /, shape: Sequence[int]) -> Tensor:
    return tf.reshape(x, shape)


def sum(x: Tensor, /, *, axis: int | None = None) -> Tensor:  # noqa: A001, the standard's own name
    return tf.reduce_sum(x, axis)

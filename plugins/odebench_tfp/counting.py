"""f with its evaluations and products counted while a graph runs, not while it is traced."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf  # type: ignore[import-untyped, import-not-found, unused-ignore]

from odebench.adapter import Counts
from odebench.contract import Dynamics, PyTree

Tensor = Any


def counted(f: Dynamics, counts: Counts) -> Dynamics:
    """See :meth:`odebench.adapter.Adapter.counted`; the result can be differentiated in reverse mode, once."""

    def evaluation(t: Any) -> Any:
        counts.f += 1
        counts.earliest, counts.latest = min(counts.earliest, float(t)), max(counts.latest, float(t))
        return np.int32(counts.f)

    def product() -> Any:
        counts.vjp += 1
        return np.int32(counts.vjp)

    @tf.custom_gradient  # type: ignore[untyped-decorator, unused-ignore]
    def seen(*leaves: Tensor) -> Any:
        def pull(*cotangents: Tensor) -> Any:
            with tf.control_dependencies([tf.numpy_function(product, [], tf.int32)]):
                return [tf.identity(c) for c in cotangents]

        return [tf.identity(leaf) for leaf in leaves], pull

    def call(t: Tensor, y: PyTree, *params: PyTree) -> PyTree:
        told = tf.numpy_function(evaluation, [tf.stop_gradient(tf.convert_to_tensor(t))], tf.int32)
        with tf.control_dependencies([told]):
            t = tf.identity(t)
        dydt = f(t, y, *params)
        return tf.nest.pack_sequence_as(dydt, seen(*tf.nest.flatten(dydt)))

    return call

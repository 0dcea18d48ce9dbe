"""How the harness measures TensorFlow: in graphs, as ``tf.function`` makes them; TFP's loops take two hundred times as
long outside of them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np
import tensorflow as tf  # type: ignore[import-untyped, import-not-found, unused-ignore]

from odebench.adapter import Counts, Loss
from odebench.contract import Dynamics, PyTree, Recipe, Unsupported
from odebench.descent import PlainDescent
from odebench.errors import choices
from odebench_tfp.counting import counted
from odebench_tfp.failures import explained

Tensor = Any


def _graph(function: Callable[..., Any]) -> Callable[..., Any]:
    return explained(tf.function(function, autograph=False))


class TensorflowAdapter:
    """See :class:`odebench.adapter.Adapter`. Of a GPU it makes no use.

    :raises Unsupported: for a device that is not the CPU, or a dtype that is neither float32 nor float64.
    """

    def __init__(self, device: str, dtype: str) -> None:
        for kind, given, known in (("device", device, ["cpu"]), ("dtype", dtype, ["float32", "float64"])):
            if given not in known:
                raise Unsupported(f"tensorflow has no {kind} {given!r} here; {choices(given, known)}")
        self.dtype = np.dtype(dtype)

    @staticmethod
    def devices() -> list[str]:
        return ["cpu"]

    @staticmethod
    def environment() -> dict[str, Any]:
        return {
            "tensorflow": tf.__version__,
            "tensorflow_probability": version("tensorflow-probability"),
            "tf_keras": version("tf-keras"),
            "intra_op_threads": tf.config.threading.get_intra_op_parallelism_threads(),
            "inter_op_threads": tf.config.threading.get_inter_op_parallelism_threads(),
            "omp_num_threads": os.environ.get("OMP_NUM_THREADS", ""),
            "onednn_opts": os.environ.get("TF_ENABLE_ONEDNN_OPTS", ""),
        }

    def activate(self) -> None:
        if tf.config.get_visible_devices("GPU"):
            tf.config.set_visible_devices([], "GPU")

    def asarray(self, tree: PyTree) -> PyTree:
        def convert(x: Any) -> Tensor:
            x = np.asarray(x)
            return tf.constant(x.astype(self.dtype) if x.dtype.kind == "f" else x)

        return tf.nest.map_structure(convert, tree)

    def numpy(self, tree: PyTree) -> PyTree:
        return tf.nest.map_structure(np.asarray, tree)

    def zeros_like(self, tree: PyTree) -> PyTree:
        return tf.nest.map_structure(tf.zeros_like, tree)

    def leaves(self, tree: PyTree) -> list[Tensor]:
        return tf.nest.flatten(tree)  # type: ignore[no-any-return]

    def prepare(self, function: Callable[..., PyTree], *args: PyTree) -> Callable[..., PyTree]:
        traced = tf.function(function, autograph=False)
        traced.get_concrete_function(*args)
        return explained(traced)

    def forward(self, function: Callable[..., PyTree]) -> Callable[..., PyTree]:
        return _graph(function)

    def value_and_grad(self, loss: Loss) -> Callable[..., tuple[Tensor, dict[str, Tensor]]]:
        return _graph(_value_and_grad(loss))

    def descent(self, loss: Loss, recipe: Recipe, params: dict[str, Any]) -> PlainDescent:
        return PlainDescent(self, loss, recipe, params)

    def block(self, tree: PyTree) -> None:
        tf.test.experimental.sync_devices()

    def elapsed(self, call: Callable[[], PyTree]) -> float:
        begin = time.perf_counter()
        call()
        self.block(None)
        return time.perf_counter() - begin

    def counted(self, f: Dynamics, counts: Counts) -> Dynamics:
        return counted(f, counts)

    def flush(self) -> None:
        """Counts have arrived when a graph has run."""

    def device_peak(self) -> dict[str, float]:
        return {}

    def bare_cost(self, f: Dynamics, t: float, y: PyTree, params: PyTree, seconds: float) -> tuple[float, float]:
        now = tf.constant(t, self.dtype)

        def nudge(y: PyTree, dy: PyTree) -> PyTree:
            return tf.nest.map_structure(lambda a, b: a + 1e-6 * b, y, dy)

        def evaluate(y: PyTree, sums: PyTree) -> tuple[PyTree, PyTree]:
            return nudge(y, f(now, y, params)), sums

        def with_vjp(y: PyTree, sums: PyTree) -> tuple[PyTree, PyTree]:
            with tf.GradientTape() as tape:
                tape.watch((y, params))
                dy = f(now, y, params)
            ybar, pbar = tape.gradient(dy, (y, params), dy, tf.UnconnectedGradients.ZERO)
            return nudge(nudge(y, dy), ybar), nudge(sums, pbar)

        sums = self.zeros_like(params)
        return self._per_call(evaluate, y, sums, seconds), self._per_call(with_vjp, y, sums, seconds)

    def _per_call(self, body: Callable[..., Any], y: PyTree, sums: PyTree, seconds: float) -> float:
        def repeated(y: PyTree, sums: PyTree, n: Tensor) -> Any:
            def more(i: Tensor, *_: PyTree) -> Tensor:
                return i < n

            def once(i: Tensor, y: PyTree, sums: PyTree) -> Any:
                return i + 1, *body(y, sums)

            return tf.while_loop(more, once, (tf.constant(0), y, sums), parallel_iterations=1)

        loop = _graph(repeated)
        loop(y, sums, tf.constant(1))
        once = max(self.elapsed(lambda: loop(y, sums, tf.constant(4))) / 4, 1e-7)
        count = tf.constant(max(4, int(seconds / 5 / once)))
        return sorted(self.elapsed(lambda: loop(y, sums, count)) for _ in range(3))[1] / int(count)

    def memory(self, loss: Loss, params: dict[str, Tensor], batch: PyTree) -> dict[str, float]:
        """Nothing: on a CPU, TensorFlow does not tell what it allocates."""
        return {}


def _value_and_grad(loss: Loss) -> Callable[..., tuple[Tensor, dict[str, Tensor]]]:
    def run(params: dict[str, Tensor], batch: PyTree) -> tuple[Tensor, dict[str, Tensor]]:
        with tf.GradientTape() as tape:
            tape.watch(params)
            value = loss(params, batch)
        grads = tape.gradient(value, params, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return value, tf.nest.map_structure(tf.convert_to_tensor, grads)

    return run

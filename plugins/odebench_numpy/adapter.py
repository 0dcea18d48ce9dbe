"""How the harness measures NumPy, with HIPS autograd for its gradients."""

from __future__ import annotations

import gc
import os
import time
import tracemalloc
import warnings
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import autograd.numpy as anp  # type: ignore[import-untyped]
import numpy as np
from autograd import make_vjp
from autograd.extend import defjvp, defvjp, primitive, vspace  # type: ignore[import-untyped]
from autograd.tracer import isbox  # type: ignore[import-untyped]

from odebench.adapter import Counts, Loss
from odebench.contract import Array, Dynamics, PyTree, Recipe, Unsupported
from odebench.descent import PlainDescent
from odebench.errors import choices
from odebench_numpy import spaces as spaces  # repairs autograd
from odebench_numpy.tree import flatten, tree_map, unflatten, value_of

INDEPENDENT = "Output seems independent of input"
"""What autograd warns of, where a derivative that is zero is no mistake."""


def _identity(counts: Counts, x: Array) -> Array:
    return x


def _count_vjp(ans: Array, counts: Counts, x: Array) -> Callable[[Array], Array]:
    def vjp(g: Array) -> Array:
        counts.vjp += 1
        return g

    return vjp


def _count_jvp(g: Array, ans: Array, counts: Counts, x: Array) -> Array:
    counts.jvp += 1
    return g


_tally = primitive(_identity)
"""The identity, but for a count when a cotangent or a tangent comes through."""
defvjp(_tally, _count_vjp, argnums=(1,))
defjvp(_tally, _count_jvp, argnums=(1,))


def _vjp_of(function: Callable[..., Any], tree: PyTree) -> tuple[Callable[[Any], list[Any]], Any]:
    """``(pull, value)`` of a function of a tree; ``pull`` gives a cotangent for each leaf."""
    leaves, structure = flatten(tree)

    def of_leaves(boxes: Any) -> Any:
        return function(unflatten(structure, [boxes[i] for i in range(len(leaves))]))

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", INDEPENDENT, UserWarning)
        pull, value = make_vjp(of_leaves)(tuple(leaves))
    return pull, value


class NumpyAdapter:
    """See :class:`odebench.adapter.Adapter`.

    :raises Unsupported: for a device that is not the CPU, or a dtype that is neither float32 nor float64.
    """

    def __init__(self, device: str, dtype: str) -> None:
        for kind, given, known in (("device", device, ["cpu"]), ("dtype", dtype, ["float32", "float64"])):
            if given not in known:
                raise Unsupported(f"numpy has no {kind} {given!r}; {choices(given, known)}")
        self.dtype = np.dtype(dtype)

    @staticmethod
    def devices() -> list[str]:
        return ["cpu"]

    @staticmethod
    def environment() -> dict[str, Any]:
        blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
        return {
            "numpy": np.__version__,
            "autograd": version("autograd"),
            "blas": f"{blas.get('name')} {blas.get('version')}",
            "omp_num_threads": os.environ.get("OMP_NUM_THREADS", ""),
            "openblas_num_threads": os.environ.get("OPENBLAS_NUM_THREADS", ""),
        }

    def activate(self) -> None:
        """NumPy has no global modes that a number depends on."""

    def asarray(self, tree: PyTree) -> PyTree:
        def convert(x: Any) -> Any:
            x = np.asarray(x)
            return x.astype(self.dtype) if x.dtype.kind == "f" else x

        return tree_map(convert, tree)

    def numpy(self, tree: PyTree) -> PyTree:
        return tree_map(np.asarray, tree)

    def zeros_like(self, tree: PyTree) -> PyTree:
        return tree_map(np.zeros_like, tree)

    def leaves(self, tree: PyTree) -> list[Array]:
        return flatten(tree)[0]

    def prepare(self, function: Callable[..., PyTree], *args: PyTree) -> Callable[..., PyTree]:
        return function

    def forward(self, function: Callable[..., PyTree]) -> Callable[..., PyTree]:
        return function

    def value_and_grad(self, loss: Loss) -> Callable[..., tuple[Array, dict[str, Array]]]:
        """:raises ValueError: when the loss is not one number."""

        def run(params: dict[str, Array], batch: PyTree) -> tuple[Array, dict[str, Array]]:
            pull, value = _vjp_of(lambda params: loss(params, batch), params)
            if np.size(value) != 1:
                raise ValueError(f"the loss must be one number, got shape {np.shape(value)}")
            leaves, structure = flatten(params)
            grads = pull(vspace(value).ones())
            return np.asarray(value), unflatten(structure, list(map(_like, grads, leaves)))

        return run

    def descent(self, loss: Loss, recipe: Recipe, params: dict[str, Any]) -> PlainDescent:
        return PlainDescent(self, loss, recipe, params)

    def block(self, tree: PyTree) -> None:
        """Values are there when a call returns."""

    def elapsed(self, call: Callable[[], PyTree]) -> float:
        begin = time.perf_counter()
        call()
        return time.perf_counter() - begin

    def counted(self, f: Dynamics, counts: Counts) -> Dynamics:
        def counted(t: Array, y: PyTree, *params: PyTree) -> PyTree:
            counts.f += 1
            now = float(value_of(t))
            counts.earliest, counts.latest = min(counts.earliest, now), max(counts.latest, now)
            leaves, structure = flatten(f(t, y, *params))
            return unflatten(structure, _tallied(counts, leaves))

        return counted

    def flush(self) -> None:
        """Counts are made in Python, at once."""

    def device_peak(self) -> dict[str, float]:
        return {}

    def bare_cost(self, f: Dynamics, t: float, y: PyTree, params: PyTree, seconds: float) -> tuple[float, float]:
        now = self.dtype.type(t)

        def evaluate() -> None:
            f(now, y, params)

        def with_vjp() -> None:
            pull, value = _vjp_of(lambda inputs: _concatenated(f(now, *inputs)), (y, params))
            pull(vspace(value).ones())

        return self._per_call(evaluate, seconds), self._per_call(with_vjp, seconds)

    def _per_call(self, call: Callable[[], None], seconds: float) -> float:
        call()
        count = max(3, int(seconds / 5 / max(self.elapsed(call), 1e-6)))

        def repeated() -> None:
            for _ in range(count):
                call()

        return sorted(self.elapsed(repeated) for _ in range(3))[1] / count

    def memory(self, loss: Loss, params: dict[str, Array], batch: PyTree) -> dict[str, float]:
        """What Python and NumPy allocate, autograd's nodes included: ``kept_bytes`` is there between the passes."""
        if tracemalloc.is_tracing():
            raise RuntimeError("memory is measured with tracemalloc, which is in use already")
        gc.collect()
        tracemalloc.start()
        try:
            before, _ = tracemalloc.get_traced_memory()
            pull, value = _vjp_of(lambda params: loss(params, batch), params)
            kept = tracemalloc.get_traced_memory()[0] - before
            grads = pull(vspace(value).ones())
            peak = tracemalloc.get_traced_memory()[1] - before
        finally:
            tracemalloc.stop()
        del pull, value, grads
        return {"memory_bytes": peak, "kept_bytes": kept}


def _like(gradient: Array, leaf: Array) -> Array:
    return np.asarray(gradient, dtype=leaf.dtype)


def _concatenated(tree: PyTree) -> Array:
    return anp.concatenate([anp.reshape(leaf, (-1,)) for leaf in flatten(tree)[0]])


def _tallied(counts: Counts, leaves: list[Array]) -> list[Array]:
    """The leaves, those that are differentiated behind one count."""
    traced = [i for i, leaf in enumerate(leaves) if isbox(leaf)]
    if not traced:
        return leaves
    shapes = [leaves[i].shape for i in traced]
    ends = np.cumsum([leaves[i].size for i in traced])
    vector = _tally(counts, _concatenated([leaves[i] for i in traced]))
    for i, shape, end in zip(traced, shapes, ends, strict=True):
        leaves[i] = anp.reshape(vector[end - value_of(leaves[i]).size : end], shape)
    return leaves

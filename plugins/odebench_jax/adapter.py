"""How the harness measures JAX."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax, tree_util

from odebench.adapter import Counts, Loss
from odebench.contract import Dynamics, PyTree, Recipe

from .counting import counted

if TYPE_CHECKING:
    from .descent import JaxDescent

# Workers of several frameworks share a GPU; read when the first device is asked for.
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

_PLATFORMS = {"cpu": "cpu", "cuda": "gpu"}


class JaxAdapter:
    """See :class:`odebench.adapter.Adapter`.

    ``dtype`` may also be "bfloat16", which NumPy has not: what comes back from it is float32.
    """

    def __init__(self, device: str, dtype: str) -> None:
        self.device = jax.devices(_PLATFORMS[device])[0]
        self.dtype = np.dtype(dtype)
        self._memory: dict[Any, dict[str, float]] = {}

    @staticmethod
    def devices() -> list[str]:
        found = {device.platform for device in jax.devices()}
        return ["cpu"] + (["cuda"] if found & {"gpu", "cuda"} else [])

    @staticmethod
    def environment() -> dict[str, Any]:
        return {
            "jax": jax.__version__,
            "jaxlib": version("jaxlib"),
            "matmul_precision": jax.config.values["jax_default_matmul_precision"],
            "xla_flags": os.environ.get("XLA_FLAGS", ""),
            "devices": [device.device_kind for device in jax.devices()],
        }

    def activate(self) -> None:
        jax.config.update("jax_enable_x64", self.dtype == np.float64)
        jax.config.update("jax_default_matmul_precision", "highest")
        jax.config.update("jax_default_device", self.device)

    def asarray(self, tree: PyTree) -> PyTree:
        def convert(x: Any) -> Any:
            x = np.asarray(x)
            return jax.device_put(x.astype(self.dtype) if jnp.issubdtype(x.dtype, jnp.floating) else x, self.device)

        return tree_util.tree_map(convert, tree)

    def numpy(self, tree: PyTree) -> PyTree:
        def convert(x: Any) -> Any:
            x = np.asarray(x)
            return x.astype(np.float32) if x.dtype == jnp.bfloat16 else x

        return tree_util.tree_map(convert, tree)

    def zeros_like(self, tree: PyTree) -> PyTree:
        return tree_util.tree_map(jnp.zeros_like, tree)

    def leaves(self, tree: PyTree) -> list[jax.Array]:
        return tree_util.tree_leaves(tree)

    def prepare(self, function: Callable[..., PyTree], *args: PyTree) -> Callable[..., PyTree]:
        return jax.jit(function).lower(*args).compile()

    def forward(self, function: Callable[..., PyTree]) -> Callable[..., PyTree]:
        return jax.jit(function)

    def value_and_grad(self, loss: Loss) -> Callable[..., tuple[jax.Array, dict[str, jax.Array]]]:
        return jax.jit(jax.value_and_grad(loss))

    def descent(self, loss: Loss, recipe: Recipe, params: dict[str, jax.Array]) -> JaxDescent:
        from .descent import JaxDescent  # only who trains waits for optax

        return JaxDescent(loss, recipe, params)

    def block(self, tree: PyTree) -> None:
        jax.block_until_ready(tree)

    def elapsed(self, call: Callable[[], PyTree]) -> float:
        begin = time.perf_counter()
        jax.block_until_ready(call())
        return time.perf_counter() - begin

    def counted(self, f: Dynamics, counts: Counts) -> Dynamics:
        return counted(f, counts)

    def flush(self) -> None:
        jax.effects_barrier()

    def bare_cost(self, f: Dynamics, t: float, y: PyTree, params: PyTree, seconds: float) -> tuple[float, float]:
        # Arguments of what is compiled, and a time that moves on by a step that is not known to be 0: of what f makes
        # of them nothing can be folded, or moved out of the loop, that could not be in a solver.
        given = (jnp.zeros((), self.dtype), params)

        def nudge(y: PyTree, dy: PyTree) -> PyTree:
            return tree_util.tree_map(lambda a, b: a + 1e-6 * b, y, dy)

        def evaluate(given: PyTree, carry: PyTree) -> PyTree:
            (step, params), (t, y, sums) = given, carry
            return t + step, nudge(y, f(t, y, params)), sums

        def with_vjp(given: PyTree, carry: PyTree) -> PyTree:
            (step, params), (t, y, sums) = given, carry
            dy, pull = jax.vjp(lambda y, p: f(t, y, p), y, params)
            ybar, pbar = pull(dy)
            return t + step, nudge(nudge(y, dy), ybar), nudge(sums, pbar)

        carry = (jnp.asarray(t, self.dtype), y, tree_util.tree_map(jnp.zeros_like, params))
        return self._per_call(evaluate, given, carry, seconds), self._per_call(with_vjp, given, carry, seconds)

    def _per_call(
        self, body: Callable[[PyTree, PyTree], PyTree], given: PyTree, carry: PyTree, seconds: float
    ) -> float:
        loop = jax.jit(lambda given, carry, n: lax.fori_loop(0, n, lambda _, carry: body(given, carry), carry))
        jax.block_until_ready(loop(given, carry, 1))
        once = max(min(self.elapsed(lambda: loop(given, carry, 4)) for _ in range(5)) / 4, 1e-7)
        count = max(4, int(seconds / 5 / once))
        return sorted(self.elapsed(lambda: loop(given, carry, count)) for _ in range(3))[1] / count

    def memory(self, loss: Loss, params: dict[str, jax.Array], batch: PyTree) -> dict[str, float]:
        """Of shapes alone, so it is asked for once."""
        key = (loss, str(jax.eval_shape(lambda *x: x, params, batch)))
        if key not in self._memory:
            self._memory[key] = self._analysis(loss, params, batch)
        return self._memory[key]

    def _analysis(self, loss: Loss, params: dict[str, jax.Array], batch: PyTree) -> dict[str, float]:
        compiled = jax.jit(jax.value_and_grad(loss)).lower(params, batch).compile()
        found: dict[str, float] = {}
        if (analysis := compiled.memory_analysis()) is not None:
            found["memory_bytes"] = float(analysis.temp_size_in_bytes + analysis.output_size_in_bytes)
            found["temp_bytes"] = float(analysis.temp_size_in_bytes)
            found["code_bytes"] = float(analysis.generated_code_size_in_bytes)
        return found

    def device_peak(self) -> dict[str, float]:
        """The most that this process has had allocated, where the device says so: it never falls."""
        stats = self.device.memory_stats() or {}
        return {"device_peak_bytes": float(stats["peak_bytes_in_use"])} if "peak_bytes_in_use" in stats else {}

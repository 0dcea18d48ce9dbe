"""How the harness measures PyTorch."""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import optree
import torch
from torch import Tensor, nn

from odebench.adapter import Counts, Loss
from odebench.contract import Dynamics, PyTree, Recipe
from odebench_torch.compiled.function import leave_uncompiled, uncompiled
from odebench_torch.descent import TorchDescent
from odebench_torch.live_bytes import LiveBytes


def _fresh_leaves(tree: PyTree) -> Any:
    return optree.tree_map(lambda x: x.detach().requires_grad_(), tree)


class _Tell(torch.autograd.Function):
    """The identity on some tensors, that tells a listener ``(n, *tensors)`` whenever it is run.

    Under vmap n is how many it stands for, and the tensors are whole: the listener sees through every transform.
    """

    @staticmethod
    def forward(tell: Callable[..., None], n: int, *tensors: Tensor) -> tuple[Tensor, ...]:
        tell(n, *tensors)
        return tuple(x.view_as(x) for x in tensors)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Nothing is kept."""

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> tuple[Tensor | None, ...]:
        return None, None, *cotangents

    @staticmethod
    def jvp(ctx: Any, _tell: None, _n: None, *tangents: Tensor) -> tuple[Tensor, ...]:
        return tuple(v.view_as(v) for v in tangents)

    @staticmethod
    def vmap(info: Any, in_dims: Any, tell: Callable[..., None], n: int, *tensors: Tensor) -> Any:
        return _Tell.apply(tell, n * info.batch_size, *tensors), in_dims[2:]


class _CountProducts(torch.autograd.Function):
    """The identity, but for a count when cotangents or tangents arrive: once for every product with what it ends."""

    @staticmethod
    def forward(counts: Counts, *leaves: Tensor) -> tuple[Tensor, ...]:
        return tuple(y.view_as(y) for y in leaves)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.counts = inputs[0]

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> tuple[Tensor | None, ...]:
        def tell(n: int, *_: Tensor) -> None:
            ctx.counts.vjp += n

        return None, *_Tell.apply(tell, 1, *cotangents)

    @staticmethod
    def jvp(ctx: Any, _counts: None, *tangents: Tensor) -> tuple[Tensor, ...]:
        def tell(n: int, *_: Tensor) -> None:
            ctx.counts.jvp += n

        seen: tuple[Tensor, ...] = _Tell.apply(tell, 1, *tangents)
        return seen

    @staticmethod
    def vmap(info: Any, in_dims: Any, counts: Counts, *leaves: Tensor) -> Any:
        return _CountProducts.apply(counts, *leaves), in_dims[1:]


class TorchAdapter:
    """See :class:`odebench.adapter.Adapter`."""

    def __init__(self, device: str, dtype: str) -> None:
        self.device = torch.device(device)
        self.dtype: torch.dtype = getattr(torch, dtype)

    @staticmethod
    def devices() -> list[str]:
        return ["cpu"] + (["cuda"] if torch.cuda.is_available() else [])

    @staticmethod
    def environment() -> dict[str, Any]:
        found = {
            "torch": str(torch.__version__),  # a class of its own, for which whoever unpickles it would import torch
            "threads": torch.get_num_threads(),
            "interop_threads": torch.get_num_interop_threads(),
            "matmul_precision": torch.get_float32_matmul_precision(),
            "cudnn_tf32": torch.backends.cudnn.allow_tf32,
            "cudnn_benchmark": torch.backends.cudnn.benchmark,
            "omp_num_threads": os.environ.get("OMP_NUM_THREADS", ""),
        }
        if torch.cuda.is_available():
            found |= {"cuda": torch.version.cuda, "gpu": torch.cuda.get_device_name()}
        return found

    def activate(self) -> None:
        torch.backends.cudnn.allow_tf32 = False
        torch.set_float32_matmul_precision("highest")

    def asarray(self, tree: PyTree) -> PyTree:
        def convert(x: Any) -> Tensor:
            tensor = torch.as_tensor(np.asarray(x))
            return tensor.to(self.device, self.dtype if tensor.is_floating_point() else None)

        return optree.tree_map(convert, tree)

    def numpy(self, tree: PyTree) -> PyTree:
        def convert(x: Tensor) -> Any:
            x = x.detach().cpu()
            return (x.float() if x.dtype is torch.bfloat16 else x).numpy()  # NumPy has no bfloat16

        return optree.tree_map(convert, tree)

    def zeros_like(self, tree: PyTree) -> PyTree:
        return optree.tree_map(torch.zeros_like, tree)

    def leaves(self, tree: PyTree) -> list[Tensor]:
        return optree.tree_leaves(tree)

    def prepare(self, function: Callable[..., PyTree], *args: PyTree) -> Callable[..., PyTree]:
        return function

    def forward(self, function: Callable[..., PyTree]) -> Callable[..., PyTree]:
        return torch.no_grad()(function)

    def value_and_grad(self, loss: Loss) -> Callable[..., tuple[Tensor, dict[str, Tensor]]]:
        def run(params: dict[str, Tensor], batch: PyTree) -> tuple[Tensor, dict[str, Tensor]]:
            leaves = _fresh_leaves(params)
            with torch.enable_grad():
                value = loss(leaves, batch)
            grads = torch.autograd.grad(value, self.leaves(leaves), materialize_grads=True)
            gradient: Any = optree.tree_unflatten(optree.tree_structure(leaves), grads)
            return value.detach(), gradient

        return run

    def descent(self, loss: Loss, recipe: Recipe, params: dict[str, Tensor]) -> TorchDescent:
        return TorchDescent(self, loss, recipe, params)

    def block(self, tree: PyTree) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def elapsed(self, call: Callable[[], PyTree]) -> float:
        self.block(None)
        if self.device.type == "cuda":
            start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            start.record()
            call()
            end.record()
            torch.cuda.synchronize()
            return float(start.elapsed_time(end)) / 1e3
        begin = time.perf_counter()
        call()
        return time.perf_counter() - begin

    def counted(self, f: Dynamics, counts: Counts) -> Dynamics:
        """See :meth:`odebench.adapter.Adapter.counted`. The counted f goes through ``torch.func``'s transforms: a call
        is one evaluation, whatever is batched in it, and a vmapped product of n vectors is n products. Steps of it are
        never compiled: they run as they are."""
        # Of a module, one that has the very same parameters by the same names: a shallow copy.
        whole = copy.copy(f) if isinstance(f, nn.Module) else f
        call = whole.forward if isinstance(whole, nn.Module) else whole

        def see(_: int, t: Tensor) -> None:
            low, high = torch.aminmax(t)
            counts.earliest, counts.latest = min(counts.earliest, float(low)), max(counts.latest, float(high))

        def counted(t: Tensor, y: PyTree, *params: PyTree) -> PyTree:
            counts.f += 1
            _Tell.apply(see, 1, torch.as_tensor(t).detach())
            leaves, treedef = optree.tree_flatten(call(t, y, *params))
            return optree.tree_unflatten(treedef, _CountProducts.apply(counts, *leaves))

        if isinstance(whole, nn.Module):
            whole.forward = counted
            return leave_uncompiled(whole)
        return leave_uncompiled(counted)

    def flush(self) -> None:
        """Counts are made in Python, at once."""

    def bare_cost(self, f: Dynamics, t: float, y: PyTree, params: PyTree, seconds: float) -> tuple[float, float]:
        time_ = torch.tensor(t, dtype=self.dtype, device=self.device)

        def evaluate() -> None:
            with torch.no_grad():
                f(time_, y, params)

        def with_vjp() -> None:
            leaves = _fresh_leaves((y, params))
            with torch.enable_grad():
                out = f(time_, *leaves)
            outs = optree.tree_leaves(out)
            torch.autograd.grad(outs, optree.tree_leaves(leaves), [torch.ones_like(o) for o in outs], allow_unused=True)

        return self._per_call(evaluate, seconds), self._per_call(with_vjp, seconds)

    def _per_call(self, call: Callable[[], None], seconds: float) -> float:
        call()
        count = max(3, int(seconds / 5 / max(min(self.elapsed(call) for _ in range(3)), 1e-6)))

        def repeated() -> None:
            for _ in range(count):
                call()

        return sorted(self.elapsed(repeated) for _ in range(3))[1] / count

    def device_peak(self) -> dict[str, float]:
        if self.device.type != "cuda":
            return {}
        return {"device_peak_bytes": torch.cuda.max_memory_allocated()}

    def memory(self, loss: Loss, params: dict[str, Tensor], batch: PyTree) -> dict[str, float]:
        leaves = {name: p.detach().requires_grad_() for name, p in params.items()}
        if self.device.type == "cuda":
            torch.cuda.synchronize()
            before = torch.cuda.memory_allocated()
            torch.cuda.reset_peak_memory_stats()
            value = loss(leaves, batch)
            kept = torch.cuda.memory_allocated() - before
            torch.autograd.grad(value, list(leaves.values()), allow_unused=True)
            return {"memory_bytes": torch.cuda.max_memory_allocated() - before, "kept_bytes": kept}
        with uncompiled(), LiveBytes() as live:  # which sees operations, not what a compiler makes of them
            value = loss(leaves, batch)
            kept = live.now
            grads = torch.autograd.grad(value, list(leaves.values()), allow_unused=True)
        del value, grads
        return {"memory_bytes": live.peak, "kept_bytes": kept}

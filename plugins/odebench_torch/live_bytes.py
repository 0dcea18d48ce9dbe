"""Deterministic memory of eager PyTorch on a CPU: the bytes of every storage that an operation brought to life."""

from __future__ import annotations

import weakref
from typing import Any, Self

import optree
import torch
from torch.utils._python_dispatch import TorchDispatchMode


class LiveBytes(TorchDispatchMode):
    """Within this context, ``now`` and ``peak`` count the bytes of storages made and still (or once) alive.

    Storages that existed before do not count. The allocator's rounding and a kernel's own scratch space are not
    seen; in exchange, the figure is the same on every run and every machine.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now = 0
        self.peak = 0
        self._known: dict[int, weakref.finalize[Any, Any]] = {}

    def __enter__(self) -> Self:
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        # An input that this context has not seen is older than it: remember it, so that a view does not count.
        inputs: Any = (args, kwargs)
        for x in optree.tree_leaves(inputs):
            if isinstance(x, torch.Tensor):
                self._see(x.untyped_storage(), 0)
        out = func(*args, **kwargs)
        for x in optree.tree_leaves(out):
            if isinstance(x, torch.Tensor):
                storage = x.untyped_storage()
                self._see(storage, storage.nbytes())
        return out

    def _see(self, storage: torch.UntypedStorage, size: int) -> None:
        key = id(storage)
        if key in self._known:
            return
        self._known[key] = weakref.finalize(storage, self._forget, key, size)
        self.now += size
        self.peak = max(self.peak, self.now)

    def _forget(self, key: int, size: int) -> None:
        del self._known[key]
        self.now -= size

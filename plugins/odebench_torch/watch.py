"""What the profile sees of PyTorch: see :class:`odebench.adapter.Watch`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import wraps
from typing import Any

import torch
from torch import Tensor

_READS = ("__bool__", "__complex__", "__float__", "__index__", "__int__", "cpu", "item", "tolist")
"""Where a tensor's values come to Python; NumPy gets those of a GPU by ``cpu``."""


def host_reads(call: Callable[[], object]) -> int:
    """Counted are the calls, on whatever device: on a CPU they are those that would wait for a GPU. What an operation
    in C++ reads behind its own door (the size of a ``nonzero``) is not seen."""
    count = 0

    def told() -> None:
        nonlocal count
        count += 1

    with _intercepted(told):
        call()
    return count


@contextmanager
def _intercepted(tell: Callable[[], None]) -> Iterator[None]:
    # A mode of torch.overrides would see the reads, too, but none inside of a backward pass: it is off while a function
    # that it has intercepted, such as autograd.grad, runs.
    own = {name: vars(Tensor).get(name) for name in _READS}
    try:
        for name in _READS:
            setattr(Tensor, name, _telling(getattr(Tensor, name), tell))
        yield
    finally:
        for name, before in own.items():
            if before is None:
                delattr(Tensor, name)  # it is inherited
            else:
                setattr(Tensor, name, before)


def _telling(read: Any, tell: Callable[[], None]) -> Any:
    @wraps(read)
    def telling(*args: Any, **keywords: Any) -> Any:
        tell()
        return read(*args, **keywords)

    return telling


def one_thread() -> AbstractContextManager[object]:
    """A backward pass of CUDA tensors has a thread of its own else."""
    return torch.autograd.set_multithreading_enabled(False)

"""Dynamics as a function of tensors alone, and what tells two of them apart."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

from torch import Tensor, nn

from odebench.contract import Dynamics, PyTree
from odebench_torch.dynamics import stateless
from odebench_torch.layout import flatten

from .identity import identity_of, modes_of, snapshot
from .trees import Tree

_uncompiled: weakref.WeakSet[Any] = weakref.WeakSet()
_compiles = ContextVar("_compiles", default=True)


@contextmanager
def uncompiled() -> Iterator[None]:
    """Within this context every solve runs as it is, for what cannot see into compiled code."""
    token = _compiles.set(False)
    try:
        yield
    finally:
        _compiles.reset(token)


def leave_uncompiled(f: Dynamics) -> Dynamics:
    """Marks dynamics that must be called as they are, like those that count their calls, and returns them."""
    _uncompiled.add(f)
    return f


def may_compile(f: Any) -> bool:
    """Not in :func:`uncompiled`, and not where f is marked, or (as its attribute ``f``) what f is made of."""
    if not _compiles.get():
        return False
    inside: list[Any] = []
    while f is not None and all(f is not outer for outer in inside):
        if any(f is marked for marked in _uncompiled):
            return False
        inside.append(f)
        f = getattr(f, "f", None)
    return True


class Function(NamedTuple):
    """f with every tensor of its parameters as an argument.

    :param call: ``call(t, y, tensors) -> dy/dt``.
    :param tensors: the parameters' tensors; of a module without params its own parameters and buffers.
    :param trained: which of them require a gradient.
    :param key: what a compiled function of it depends on.
    """

    call: Callable[[Tensor, PyTree, Sequence[Tensor]], PyTree]
    tensors: tuple[Tensor, ...]
    trained: tuple[int, ...]
    key: Hashable

    @property
    def parameters(self) -> tuple[Tensor, ...]:
        return tuple(self.tensors[i] for i in self.trained)

    def detached(self) -> tuple[Tensor, ...]:
        """As compiled code is called with them: it knows their shapes, but is not told their strides."""
        return tuple(tensor.detach().contiguous() for tensor in self.tensors)


def function_of(f: Dynamics, params: PyTree) -> Function:
    """f and its parameters, taken apart. Where it may be compiled, what it has captured stays as it is now."""
    if may_compile(f):
        f = snapshot(f)
    if params is None:
        if not isinstance(f, nn.Module):
            return Function(lambda t, y, _: f(t, y), (), (), identity_of(f))
        own = {**dict(f.named_parameters()), **dict(f.named_buffers())}
        names = tuple(own)
        with_own = stateless(f, names)

        def of_module(t: Tensor, y: PyTree, tensors: Sequence[Tensor]) -> PyTree:
            return with_own(t, y, dict(zip(names, tensors, strict=True)))

        return _function(of_module, tuple(own.values()), (f, modes_of(f), names))
    leaves, structure = flatten(params)
    tree = Tree(structure)
    places = [i for i, leaf in enumerate(leaves) if isinstance(leaf, Tensor)]
    constants = [None if isinstance(leaf, Tensor) else leaf for leaf in leaves]
    with_params = stateless(f, list(params)) if isinstance(f, nn.Module) else f

    def call(t: Tensor, y: PyTree, tensors: Sequence[Tensor]) -> PyTree:
        filled = list(constants)
        for i, tensor in zip(places, tensors, strict=True):
            filled[i] = tensor
        return with_params(t, y, tree.of(filled))

    fixed = tuple(identity_of(constant) for constant in constants)
    return _function(call, tuple(leaves[i] for i in places), (identity_of(f), structure, fixed))


def _function(call: Callable[..., PyTree], tensors: tuple[Tensor, ...], key: Hashable) -> Function:
    trained = tuple(i for i, tensor in enumerate(tensors) if tensor.requires_grad)
    kinds = tuple((tensor.shape, tensor.dtype, tensor.device) for tensor in tensors)
    return Function(call, tensors, trained, (key, kinds, trained))

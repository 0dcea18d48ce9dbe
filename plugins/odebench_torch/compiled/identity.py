"""What tells two functions apart, by all that a compiler makes constants of: there is no other guard."""

from __future__ import annotations

import dis
from collections.abc import Hashable
from functools import cache, partial
from types import CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import torch
from torch import Tensor, nn


def identity_of(x: Any) -> Hashable:
    """What x is to a cache.

    A function is its lines and what they are about: what it has captured, its defaults and the globals that it names.
    Numbers and containers are what is in them; a tensor is itself, as its values are looked up in every call; a module
    is itself in its mode. Any other object is itself, or what its ``__eq__`` says: its attributes are not looked at.
    """
    return _Walk(x).identity(x)


def modes_of(module: nn.Module) -> tuple[bool, ...]:
    """Whether it is in training, and every module in it."""
    return tuple(part.training for part in module.modules())


def mode_of_torch(device: torch.device) -> Hashable:
    """The settings that a compiler looks at once."""
    return (
        torch.is_autocast_enabled(device.type) and torch.get_autocast_dtype(device.type),
        torch.get_default_dtype(),
        torch.get_num_threads(),
        torch.get_float32_matmul_precision(),
        torch.are_deterministic_algorithms_enabled(),
    )


def snapshot(f: Any) -> Any:
    """f with what it has captured now, and a function in it likewise. Else what is compiled, for one function among all
    that have captured the same, would find in that one's cells what they hold later."""
    return _copied(f, {})


class Itself:
    """An object that is compared by its identity, and lives as long as this does: no other has its id."""

    def __init__(self, it: Any) -> None:
        self.it = it

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Itself) and self.it is other.it

    def __hash__(self) -> int:
        return id(self.it)


class _Walk:
    """Through all that an object refers to, to each part once: after that it is known by its number."""

    def __init__(self, start: Any) -> None:
        while isinstance(start, partial | MethodType):
            start = start.func if isinstance(start, partial) else start.__func__
        self.globals = getattr(start, "__globals__", None)
        self.seen: dict[int, tuple[int, Any]] = {}

    def identity(self, x: Any) -> Hashable:
        if isinstance(x, float):
            return float, x.hex()  # 0.0 is not -0.0
        if x is None or isinstance(x, int | str | bytes):
            return type(x), x
        if isinstance(x, Tensor):
            return Itself(x), _kind(x)
        if isinstance(x, ModuleType):
            return Itself(x)
        if id(x) in self.seen:
            return self.seen[id(x)][0]
        self.seen[id(x)] = len(self.seen), x
        if isinstance(x, dict):
            return type(x), *((key, self.identity(part)) for key, part in x.items())
        if isinstance(x, list | tuple):
            return type(x), *map(self.identity, x)
        return self._of_callable(x)

    def _of_callable(self, x: Any) -> Hashable:
        if isinstance(x, FunctionType):
            captured = [_content(cell) for cell in x.__closure__ or ()]
            # Those of libraries lead ever further, and nobody changes them.
            named = _named(x) if self.globals is x.__globals__ else []
            parts = (*captured, x.__defaults__, x.__kwdefaults__, *named)
            return x.__code__, id(x.__globals__), *map(self.identity, parts)
        if isinstance(x, MethodType):
            return MethodType, self.identity(x.__func__), self.identity(x.__self__)
        if isinstance(x, partial):
            return partial, *map(self.identity, (x.func, x.args, x.keywords))
        if isinstance(x, nn.Module):
            return x, modes_of(x), *map(_kind, (*x.parameters(), *x.buffers()))
        try:
            hash(x)
        except TypeError:
            return Itself(x)
        return type(x), x


def _kind(x: Tensor) -> Hashable:
    strides = x.stride() if x.layout is torch.strided else x.layout
    return x.shape, strides, x.dtype, x.device, x.requires_grad


_EMPTY = object()


def _content(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # of a name that nothing is bound to yet
        return _EMPTY


def _named(f: FunctionType) -> list[Any]:
    """The globals that f looks up, or a function made in it."""
    return [f.__globals__[name] for name in _names(f.__code__) if name in f.__globals__]


@cache
def _names(code: CodeType) -> tuple[str, ...]:
    own = (step.argval for step in dis.get_instructions(code) if step.opname == "LOAD_GLOBAL")
    inner = (name for part in code.co_consts if isinstance(part, CodeType) for name in _names(part))
    return tuple(dict.fromkeys((*own, *inner)))


def _copied(x: Any, made: dict[int, Any]) -> Any:
    if id(x) in made:
        return made[id(x)]
    if type(x) is list:
        parts: list[Any] = []
        made[id(x)] = parts
        parts.extend(_copied(part, made) for part in x)
        return parts
    if type(x) is dict:
        filled: dict[Any, Any] = {}
        made[id(x)] = filled
        filled.update({key: _copied(part, made) for key, part in x.items()})
        return filled
    if type(x) is tuple:
        return tuple(_copied(part, made) for part in x)
    if type(x) is partial:
        return partial(_copied(x.func, made), *_copied(x.args, made), **_copied(x.keywords, made))
    if type(x) is not FunctionType or not x.__closure__:
        return x
    cells = tuple(CellType() for _ in x.__closure__)
    f = made[id(x)] = FunctionType(x.__code__, x.__globals__, x.__name__, x.__defaults__, cells)
    f.__kwdefaults__ = x.__kwdefaults__
    for cell, content in zip(cells, map(_content, x.__closure__), strict=True):
        if content is not _EMPTY:
            cell.cell_contents = _copied(content, made)
    return f

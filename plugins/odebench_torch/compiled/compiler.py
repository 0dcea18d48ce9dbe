"""``torch.compile`` as the steps need it, and what it has made so far."""

from __future__ import annotations

import itertools
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import cache, partial
from types import FunctionType
from typing import Any

import optree
import torch
from torch import Tensor

from odebench.contract import Unsupported
from odebench.tableau import ExplicitRungeKutta
from odebench_torch.layout import Layout
from odebench_torch.norms import Tolerance

from .function import Function
from .identity import Itself, identity_of, mode_of_torch, snapshot
from .shortcut import Shortcut
from .steps import Steps

_numbers = itertools.count()


class Kept:
    """What was compiled, and of that what was used last; by any thread."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._found: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = threading.RLock()

    def __contains__(self, key: Hashable) -> bool:
        with self._lock:
            return key in self._found

    def __call__(self, key: Hashable, make: Callable[[], Any]) -> Any:
        with self._lock:
            if key not in self._found:
                self._found[key] = make()
                if len(self._found) > self.limit:
                    self._found.popitem(last=False)
            self._found.move_to_end(key)
            return self._found[key]


kept = Kept(128)
_searched = Kept(1024)


class CompiledSteps:
    """The functions of one solve's steps, from those of all solves alike; what is new is compiled when it is called.

    :param tolerance: None where every step is taken.
    :param compiles: False leaves the functions as they are.
    :ivar autocast: as it is now, for the way back.
    """

    def __init__(
        self,
        tableau: ExplicitRungeKutta,
        layout: Layout,
        function: Function,
        tolerance: Tolerance | None,
        *,
        compiles: bool,
    ) -> None:
        self.device, self.compiles = layout.device, compiles
        norm = None if tolerance is None else snapshot(tolerance.norm) if compiles else tolerance.norm
        self._steps = cache(lambda: Steps(tableau, layout, function, norm, adaptive=tolerance is not None))
        state = layout.structure, tuple(layout.shapes), layout.dtype, self.device
        self._key = Itself(tableau), state, function.key, mode_of_torch(self.device)
        kind = self.device.type
        self.autocast = torch.autocast(kind, torch.get_autocast_dtype(kind), torch.is_autocast_enabled(kind))
        self._error = tolerance is not None, identity_of(norm)
        self._mine: dict[Hashable, Callable[..., Any]] = {}

    def forward(self, *, dense: bool) -> Callable[..., Any]:
        """See :meth:`Steps.forward`."""
        which = "forward", dense, self._error, torch.is_grad_enabled()
        return self._have(which, lambda: self._steps().forward(dense=dense))

    def reverse(self, *, dense: bool, timed: bool) -> Callable[..., Any]:
        """See :meth:`Steps.reverse`."""
        return self._have(("reverse", dense, timed), lambda: self._steps().reverse(dense=dense, timed=timed))

    @property
    def searched(self) -> bool:
        """Whether one of these dynamics' evaluations was searched for tensors that it must not depend on."""
        return self.compiles and self._key in _searched

    @property
    def may_be_recorded(self) -> bool:
        """Whether each call keeps its own activations; that of a CUDA graph has them where the last call had its."""
        return bool(self.device.type == "cpu")

    def mark_searched(self) -> None:
        _searched(self._key, lambda: None)

    def _have(self, which: Hashable, make: Callable[[], Callable[..., Any]]) -> Callable[..., Any]:
        if which not in self._mine:
            key = self._key, which
            self._mine[which] = kept(key, lambda: compiled(make(), self.device)) if self.compiles else make()
        return self._mine[which]


def compiled(function: Callable[..., Any], device: torch.device) -> Callable[..., Any]:
    """A function of tensors of ever the same shapes and dtypes, compiled as one graph.

    :raises Unsupported: from a call, when it cannot be.
    """
    assert isinstance(function, FunctionType)
    # What torch.compile makes belongs to a code object, and is found there by its guards. Those are evaluated at every
    # call for longer than a small net, so they are left out: each function has a code object of its own.
    code = function.__code__.replace(co_name=f"{function.__name__}_{next(_numbers)}")
    own = FunctionType(code, function.__globals__, None, function.__defaults__, function.__closure__)
    graphs = device.type == "cuda"
    skip = getattr(torch.compiler, "skip_all_guards_unsafe", None)
    run = _compile(own, {} if skip is None else {"guard_filter_fn": skip}, _CUDA if graphs else _CPU)
    first = True

    def call(*args: Any) -> Any:
        nonlocal first
        if graphs:
            torch.compiler.cudagraph_mark_step_begin()
        found = _explained(run, args) if first else run(*args)
        first = False
        return optree.tree_map(Tensor.clone, found) if graphs else found  # as the next call overwrites them

    return call


# On a CPU the wrapper in C++ takes half of the time of the one in Python; CUDA graphs need neither. Convolutions of a
# few channels are a tenth slower for what it costs to bring every one of them into the layout that is quickest alone.
_CPU = {"cpp_wrapper": True, "layout_optimization": False}
_CUDA = {"triton.cudagraphs": True}


def _compile(function: Callable[..., Any], options: dict[str, Any], inductor: dict[str, Any]) -> Callable[..., Any]:
    import torch._inductor  # takes a second, of which only those who compile should know

    if hasattr(torch._inductor, "compile"):
        return Shortcut(function, options, partial(torch._inductor.compile, options=inductor))
    return torch.compile(function, fullgraph=True, dynamic=False, options={**options, **inductor})


def _explained(run: Callable[..., Any], args: Any) -> Any:
    """:raises Unsupported: in place of what the compiler raises."""
    try:
        return run(*args)
    except Exception as error:
        if not type(error).__module__.startswith(("torch._dynamo", "torch._inductor", "torch._functorch")):
            raise
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        if len(lines) > 8:  # what a C++ compiler was told, and all its warnings, are between
            lines = [*lines[:1], *lines[-4:]]
        reason = "; ".join(lines)[:500]
        raise Unsupported(f"compile=True: f or norm cannot be compiled by torch.compile: {reason}") from error

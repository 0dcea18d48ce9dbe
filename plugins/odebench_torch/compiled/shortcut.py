"""Calling what a compiler has made without its frontend."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import optree
import torch
from torch import Tensor, fx


class Shortcut:
    """A function of tensors compiled as one graph, for arguments of ever the same structure, shapes and dtypes.

    ``torch.compile`` takes some 50 µs of every call to find what belongs to its arguments, which is longer than a step
    of a small net. Its backend is given the graph's inputs in an order of the frontend's own; in the first call it is
    seen which arguments they are, and which outputs the results. Later ones go straight to what the backend returned.
    Where not all of them are found, as where f has captured a tensor, every call goes by the frontend.

    :param options: of ``torch.compile``, the frontend's.
    :param compiler: what is behind it: a graph and examples of its inputs to a function of these.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        options: dict[str, Any],
        compiler: Callable[[fx.GraphModule, list[Any]], Callable[..., Any]],
    ) -> None:
        self._compiler = compiler
        self._seen: list[tuple[Callable[..., Any], Sequence[Tensor], Sequence[Tensor]]] = []
        self._frontend = torch.compile(function, fullgraph=True, dynamic=False, backend=self._backend, options=options)
        self._lock = threading.Lock()
        self._call: Callable[..., Any] = self._first

    def __call__(self, *args: Any) -> Any:
        return self._call(*args)

    def _backend(self, graph: fx.GraphModule, inputs: list[Any], **_: Any) -> Callable[..., Any]:
        run = self._compiler(graph, inputs)

        def watched(*given: Tensor) -> Any:
            found = run(*given)
            if self._call == self._first:
                self._seen.append((run, given, found))
            return found

        return watched

    def _first(self, *args: Any) -> Any:
        with self._lock:
            if self._call == self._first:
                given: Any = args
                leaves = optree.tree_map(_leaf, given)
                self._seen.clear()
                result = self._frontend(*leaves)
                self._call = self._straight(leaves, result) or self._frontend
                self._seen.clear()
        return self._call(*args)

    def _straight(self, args: Any, result: Any) -> Callable[..., Any] | None:
        if len(self._seen) != 1:
            return None
        [(run, given, found)] = self._seen
        results, structure = optree.tree_flatten(result)
        inputs, outputs = _places(given, optree.tree_leaves(args)), _places(results, found)
        if inputs is None or outputs is None:
            return None

        def straight(*args: Any) -> Any:
            given: Any = args
            leaves = optree.tree_leaves(given)
            found = run(*[leaves[i] for i in inputs])
            return structure.unflatten([found[i] for i in outputs])

        return straight


def _leaf(x: Tensor) -> Tensor:
    """A leaf of its own: the frontend looks for the ``grad`` of what it traces, and warns of one that has none; and
    two arguments that are one tensor it would take for one for good."""
    return x.detach().requires_grad_(x.requires_grad)


def _places(tensors: Sequence[Any], among: Sequence[Any]) -> list[int] | None:
    """Where each is, None if one is not there, or there twice."""
    places = [[i for i, other in enumerate(among) if other is tensor] for tensor in tensors]
    return [place for [place] in places] if all(len(place) == 1 for place in places) else None

"""Calls of f on flat vectors, differentiable."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.func import functional_call

from odebench.contract import Dynamics, PyTree
from odebench_torch.dynamics import Field, leaves_of_graph
from odebench_torch.layout import Layout

Time = float | Tensor
"""A number, or a scalar tensor (float64, on the CPU) where it moves with the output times that are differentiated."""


def without_aliases(f: Dynamics, params: PyTree) -> Callable[[Tensor, PyTree], PyTree]:
    """``call(t, y)`` whose graph reaches the parameters themselves; see :func:`odebench_torch.dynamics.bind`."""
    if params is None:
        return f
    if isinstance(f, nn.Module):
        return lambda t, y: functional_call(f, params, (t, y))
    return lambda t, y: f(t, y, params)


class Evaluation:
    """``(t, y) -> dy/dt``.

    :ivar nfe: how often it was called.
    """

    def __init__(self, call: Callable[[Tensor, PyTree], PyTree], layout: Layout) -> None:
        self.call, self.layout, self.nfe = call, layout, 0

    def __call__(self, t: Time, y: Tensor) -> Tensor:
        self.nfe += 1
        time = t.to(y) if isinstance(t, Tensor) else y.new_tensor(t)
        leaves = self.layout.evaluate(self.call, time, y)
        return leaves[0].reshape(-1) if len(leaves) == 1 else torch.cat([leaf.reshape(-1) for leaf in leaves])


class Watch(Evaluation):
    """Keeps no graph, but finds what f has captured: in its first call, or in every one where f names no parameters.

    :ivar captured: the leaves other than the parameters that require grad.
    """

    def __init__(self, field: Field, layout: Layout) -> None:
        super().__init__(field.call, layout)
        self.captured: list[Tensor] = []
        self._known = {id(leaf) for leaf in field.aliases}
        self._named, self._looks = field.named, True

    def __call__(self, t: Time, y: Tensor) -> Tensor:
        if not self._looks:
            return super().__call__(t, y)
        with torch.enable_grad():
            k = super().__call__(t, y)
        for leaf in leaves_of_graph([k]):
            if id(leaf) not in self._known and leaf is not y:
                self._known.add(id(leaf))
                self.captured.append(leaf)
        self._looks = bool(self.captured) or not self._named
        return k if torch.is_grad_enabled() else k.detach()

"""Dynamics as a function of all that they are differentiated by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call

from odebench.contract import Dynamics, PyTree
from odebench_torch.dynamics import leaves_of_graph
from odebench_torch.layout import flatten, unflatten
from odebench_torch.vjp import refuse_captured


class Arguments(NamedTuple):
    """:func:`odebench_torch.dynamics.bind` for methods that vary the parameters themselves.

    :param call: ``call(t, y, thetas) -> dy/dt``.
    :param parameters: the tensors among the parameters that require a gradient: what ``thetas`` stand for.
    :param named: as of :class:`odebench_torch.dynamics.Field`.
    """

    call: Callable[[Tensor, PyTree, Sequence[Tensor]], PyTree]
    parameters: tuple[Tensor, ...]
    named: bool

    def checked(self, t: Tensor, y: PyTree, thetas: Sequence[Tensor]) -> PyTree:
        """``call``, of parameters that do not require grad; under a transform of ``torch.func`` no graph is seen.

        :raises Unsupported: when f has captured a tensor that does.
        """
        with torch.enable_grad():
            k = self.call(t, y, thetas)
        given = [leaf for leaf in (t, *flatten(y)[0]) if isinstance(leaf, Tensor)]
        refuse_captured([leaf for leaf in flatten(k)[0] if isinstance(leaf, Tensor)], leaves_of_graph(given))
        return k


def arguments_of(f: Dynamics, params: PyTree) -> Arguments:
    """Those that are passed, or else a module's own."""
    if params is None:
        if not isinstance(f, nn.Module):
            return Arguments(lambda t, y, _: f(t, y), (), named=False)
        own = {name: p for name, p in f.named_parameters() if p.requires_grad}
        values = tuple(own.values())

        def bound(t: Tensor, y: PyTree, thetas: Sequence[Tensor]) -> PyTree:
            return functional_call(f, dict(zip(own, thetas, strict=True)), (t, y))

        return Arguments(bound, values, named=True)
    leaves, structure = flatten(params)
    trained = [i for i, leaf in enumerate(leaves) if isinstance(leaf, Tensor) and leaf.requires_grad]

    def call(t: Tensor, y: PyTree, thetas: Sequence[Tensor]) -> PyTree:
        filled = list(leaves)
        for i, theta in zip(trained, thetas, strict=True):
            filled[i] = theta
        given = unflatten(structure, filled)
        return functional_call(f, given, (t, y)) if isinstance(f, nn.Module) else f(t, y, given)

    return Arguments(call, tuple(leaves[i] for i in trained), named=True)

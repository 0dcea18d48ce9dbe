"""The dynamics of the backward solve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from odebench.contract import Dynamics, PyTree
from odebench_torch.dynamics import Field, bind
from odebench_torch.layout import Layout, flatten, unflatten
from odebench_torch.vjp import refuse_captured, vjp


class Lookout:
    """f as a solve calls it without grad, of parameters that require none: what requires grad has captured something.

    :ivar found: whether any evaluation did.
    """

    def __init__(self, f: Dynamics, params: PyTree) -> None:
        leaves, structure = flatten(params)
        detached = [leaf.detach() if isinstance(leaf, Tensor) else leaf for leaf in leaves]
        self.call, self.found = bind(f, unflatten(structure, detached)).call, False

    def __call__(self, t: Tensor, y: PyTree) -> PyTree:
        with torch.enable_grad():
            k = self.call(t, y)
        self.found = self.found or any(leaf.requires_grad for leaf in flatten(k)[0] if isinstance(leaf, Tensor))
        return k


class Pullback:
    """``(f, -aᵀ ∂f/∂y, -aᵀ ∂f/∂θ)`` from one evaluation of f and one VJP.

    :param like: a leaf of the state; what it returns has its dtype and device.
    :param wary: whether every evaluation is searched for what f has captured, or the first alone.
    :ivar zeros: zeros like what the parameters get.
    :raises Unsupported: when f depends on a tensor that requires grad and is neither y nor a parameter.
    """

    def __init__(self, field: Field, structure: Any, like: Tensor, *, wary: bool) -> None:
        self.field, self.structure = field, structure
        self.zeros = [torch.zeros_like(p, dtype=like.dtype, device=like.device) for p in field.parameters]
        self._foreign = any((p.dtype, p.device) != (like.dtype, like.device) for p in field.parameters)
        self._wary, self._search = wary, True

    def __call__(self, t: Tensor, y: PyTree, a: PyTree) -> tuple[PyTree, list[Tensor]]:
        """:returns: a tree like y, and one for each parameter."""
        _, of_y, shares = self.leaves(t, [y_i.detach() for y_i in flatten(y)[0]], [a_i.neg() for a_i in flatten(a)[0]])
        return unflatten(self.structure, of_y), shares

    def leaves(
        self, t: Tensor, y: Sequence[Tensor], cotangents: Sequence[Tensor]
    ) -> tuple[Sequence[Tensor], list[Tensor], list[Tensor]]:
        """f, and the cotangents pulled back, all leaf by leaf.

        :param y: leaves of no graph, for this call alone.
        """
        for leaf in y:
            leaf.requires_grad_()
        with torch.enable_grad():
            k = flatten(self.field.call(t, unflatten(self.structure, y)))[0]
        inputs = (*y, *self.field.aliases)
        if self._search:
            refuse_captured(k, inputs)
            self._search = self._wary
        pairs = [(k_i, c) for k_i, c in zip(k, cotangents, strict=True) if k_i.requires_grad]
        found = vjp(*zip(*pairs, strict=True), inputs, False) if pairs else (None,) * len(inputs)
        of_y = [torch.zeros_like(leaf) if d is None else d for leaf, d in zip(y, found, strict=False)]
        shares = [zero if d is None else d for d, zero in zip(found[len(y) :], self.zeros, strict=True)]
        if self._foreign:
            shares = [share.to(zero) for share, zero in zip(shares, self.zeros, strict=True)]
        return k, of_y, shares


def refuse_unrecorded(field: Field, structure: Any, ts: Tensor, ys: Sequence[Tensor]) -> None:
    """For a solve that autograd did not record, as neither y0, ts nor a parameter requires grad.

    :param ys: the leaves of the outputs.
    :raises Unsupported: when f depends on a tensor that does: at ts[0] or, where f names no parameters, at any output.
    """
    if not torch.is_grad_enabled() or ys[0].requires_grad:
        return
    for i in range(1 if field.named else len(ts)):
        k = field.call(ts[i].to(ys[0]), unflatten(structure, [leaf[i] for leaf in ys]))
        refuse_captured(flatten(k)[0], ())


class Augmented:
    """``d/dt (y, a, *θ̄) = (f, -aᵀ ∂f/∂y, -aᵀ ∂f/∂θ)``; parameters and errors are :class:`Pullback`'s.

    :param layout: of y.
    """

    def __init__(self, field: Field, layout: Layout, *, wary: bool) -> None:
        self.layout = layout
        self.pullback = Pullback(field, layout.structure, layout.like[0], wary=wary)
        self.zeros = self.pullback.zeros
        self._parts = [layout.size, layout.size, sum(zero.numel() for zero in self.zeros)]

    def __call__(self, t: Tensor, state: tuple[PyTree, ...]) -> tuple[PyTree, ...]:
        y, a = ([leaf.detach() for leaf in flatten(part)[0]] for part in state[:2])
        k, of_y, shares = self.pullback.leaves(t, y, [leaf.neg() for leaf in a])
        return self.layout.tree([k_i.detach() for k_i in k]), self.layout.tree(of_y), *shares

    def write_flat(self, t: Tensor, state: Tensor, row: Tensor) -> None:
        """The same of a flat vector, leaf after leaf, written into another; see
        :func:`odebench_torch.stepping.evaluator`."""
        y, a, _ = state.split_with_sizes(self._parts)
        k, of_y, shares = self.pullback.leaves(t, self.layout.views(y), self.layout.views(a.neg()))
        torch.cat([leaf.ravel() for leaf in (*k, *of_y, *shares)], out=row)

    def leading(self, y: PyTree) -> tuple[PyTree, ...]:
        return (y,)

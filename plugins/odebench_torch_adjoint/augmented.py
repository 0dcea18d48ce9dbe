"""The dynamics of the backward solve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from odebench.contract import PyTree
from odebench_torch.dynamics import Field
from odebench_torch.layout import flatten, unflatten
from odebench_torch.vjp import refuse_captured, vjp


class Pullback:
    """``(f, -aᵀ ∂f/∂y, -aᵀ ∂f/∂θ)`` from one evaluation of f and one VJP.

    :param like: a leaf of the state; what it returns has its dtype and device.
    :ivar zeros: zeros like what the parameters get.
    :raises Unsupported: when f depends on a tensor that requires grad and is neither y nor a parameter. Every
        evaluation is held to that, but for a module whose own parameters are trained: of it, the first.
    """

    def __init__(self, field: Field, structure: Any, like: Tensor) -> None:
        self.field, self.structure = field, structure
        self.zeros = [torch.zeros_like(p, dtype=like.dtype, device=like.device) for p in field.parameters]
        self._foreign = any((p.dtype, p.device) != (like.dtype, like.device) for p in field.parameters)
        self._check_again, self._check_next = not isinstance(field.call, nn.Module), True

    def __call__(self, t: Tensor, y: PyTree, a: PyTree) -> tuple[Sequence[Tensor], PyTree, list[Tensor]]:
        """:returns: leaves of f, a tree like y, and one for each parameter."""
        y_leaves = [leaf.detach().requires_grad_() for leaf in flatten(y)[0]]
        with torch.enable_grad():
            k = flatten(self.field.call(t, unflatten(self.structure, y_leaves)))[0]
        if self._check_next:
            refuse_captured(k, (*y_leaves, *self.field.aliases))
            self._check_next = self._check_again
        pairs = [(k_i, a_i.neg()) for k_i, a_i in zip(k, flatten(a)[0], strict=True) if k_i.requires_grad]
        inputs = (*y_leaves, *self.field.aliases)
        found = vjp(*zip(*pairs, strict=True), inputs, False) if pairs else (None,) * len(inputs)
        of_y, of_parameters = found[: len(y_leaves)], found[len(y_leaves) :]
        shares = [zero if d is None else d for d, zero in zip(of_parameters, self.zeros, strict=True)]
        if self._foreign:
            shares = [share.to(zero) for share, zero in zip(shares, self.zeros, strict=True)]
        leaves = [torch.zeros_like(leaf) if d is None else d for leaf, d in zip(y_leaves, of_y, strict=True)]
        return k, unflatten(self.structure, leaves), shares


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
    """``d/dt (y, a, *θ̄) = (f, -aᵀ ∂f/∂y, -aᵀ ∂f/∂θ)``; parameters and errors are :class:`Pullback`'s."""

    def __init__(self, field: Field, structure: Any, like: Tensor) -> None:
        self.pullback = Pullback(field, structure, like)
        self.zeros = self.pullback.zeros

    def __call__(self, t: Tensor, state: tuple[PyTree, ...]) -> tuple[PyTree, ...]:
        k, of_y, shares = self.pullback(t, state[0], state[1])
        return unflatten(self.pullback.structure, [k_i.detach() for k_i in k]), of_y, *shares

    def leading(self, y: PyTree) -> tuple[PyTree, ...]:
        return (y,)

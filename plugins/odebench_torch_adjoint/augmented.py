"""The dynamics of the backward solve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from odebench.contract import PyTree
from odebench_torch.dynamics import Field, leaves_of_graph
from odebench_torch.layout import flatten, unflatten
from odebench_torch.vjp import vjp


class Augmented:
    """``d/dt (y, a, *θ̄) = (f, -aᵀ ∂f/∂y, -aᵀ ∂f/∂θ)``, all from one evaluation of f and one VJP.

    :raises RuntimeError: when f depends on a tensor that requires grad and is neither y nor a parameter. Every
        evaluation is held to that, but for a module whose own parameters are trained: of it, the first.
    """

    def __init__(self, field: Field, structure: Any, like: Tensor) -> None:
        self.field, self.structure = field, structure
        self.zeros = [torch.zeros_like(p, dtype=like.dtype, device=like.device) for p in field.parameters]
        self._foreign = any((p.dtype, p.device) != (like.dtype, like.device) for p in field.parameters)
        self._check_again, self._check_next = not isinstance(field.call, nn.Module), True

    def __call__(self, t: Tensor, state: tuple[PyTree, ...]) -> tuple[PyTree, ...]:
        y = [leaf.detach().requires_grad_() for leaf in flatten(state[0])[0]]
        with torch.enable_grad():
            k = flatten(self.field.call(t, unflatten(self.structure, y)))[0]
        if self._check_next:
            self._check(k, y)
            self._check_next = self._check_again
        pairs = [(k_i, a_i.neg()) for k_i, a_i in zip(k, flatten(state[1])[0], strict=True) if k_i.requires_grad]
        inputs = (*y, *self.field.aliases)
        found = vjp(*zip(*pairs, strict=True), inputs, False) if pairs else (None,) * len(inputs)
        shares = [zero if d is None else d for d, zero in zip(found[len(y) :], self.zeros, strict=True)]
        if self._foreign:
            shares = [share.to(zero) for share, zero in zip(shares, self.zeros, strict=True)]
        return (
            unflatten(self.structure, [k_i.detach() for k_i in k]),
            unflatten(
                self.structure, [torch.zeros_like(leaf) if d is None else d for leaf, d in zip(y, found, strict=False)]
            ),
            *shares,
        )

    def _check(self, k: Sequence[Tensor], y: Sequence[Tensor]) -> None:
        known = {id(leaf) for leaf in (*y, *self.field.aliases)}
        for leaf in leaves_of_graph(k):
            if id(leaf) not in known:
                raise RuntimeError(
                    f"f depends on a tensor of shape {tuple(leaf.shape)} that requires grad and is not among its "
                    "parameters, so the adjoint cannot give it a gradient: pass it in params, or detach it"
                )

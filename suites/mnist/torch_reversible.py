"""A stack of reversible blocks (Gomez et al. 2017) that keeps its output and no activation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

Branch = Callable[[dict[str, Tensor], str, Tensor], Tensor]
"""``branch(params, name, x)``: F or G of a block, by its name."""


def reversible(branch: Branch, x: Tensor, blocks: Sequence[tuple[str, str]], params: Mapping[str, Tensor]) -> Tensor:
    """x (B, C, …) through blocks y₁ = x₁ + F(x₂), y₂ = x₂ + G(y₁) on the halves of its channels.

    The backward pass finds each block's input from its output: x₂ = y₂ − G(y₁), x₁ = y₁ − F(x₂).

    :param blocks: the names of F and G of each.
    """
    own = {name: p for name, p in params.items() if name.startswith(tuple(f"{n}." for pair in blocks for n in pair))}
    y: Tensor = _Reversible.apply(branch, blocks, tuple(own), x, *own.values())  # type: ignore[no-untyped-call]
    return y


class _Reversible(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, branch: Branch, blocks: Sequence[tuple[str, str]], names: tuple[str, ...], x: Tensor, *leaves: Tensor
    ) -> Tensor:
        params = dict(zip(names, leaves, strict=True))
        x1, x2 = x.chunk(2, 1)
        for f, g in blocks:
            x1 = x1 + branch(params, f, x2)
            x2 = x2 + branch(params, g, x1)
        y = torch.cat([x1, x2], 1)
        ctx.branch, ctx.blocks, ctx.names = branch, blocks, names
        ctx.save_for_backward(y, *leaves)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, cotangent: Tensor) -> tuple[Tensor | None, ...]:
        y, *leaves = ctx.saved_tensors
        params = dict(zip(ctx.names, leaves, strict=True))
        grads: dict[str, Tensor] = {}
        (y1, y2), (g1, g2) = y.chunk(2, 1), cotangent.chunk(2, 1)
        for f, g in reversed(ctx.blocks):
            out, pulled = _vjp(ctx.branch, params, g, y1, g2, grads)
            y2, g1 = y2 - out, g1 + pulled
            out, pulled = _vjp(ctx.branch, params, f, y2, g1, grads)
            y1, g2 = y1 - out, g2 + pulled
        return None, None, None, torch.cat([g1, g2], 1), *(grads[name] for name in ctx.names)


def _vjp(
    branch: Branch, params: dict[str, Tensor], name: str, x: Tensor, cotangent: Tensor, grads: dict[str, Tensor]
) -> tuple[Tensor, Tensor]:
    """``branch(x)`` and its product with the cotangent; those of its parameters go into ``grads``."""
    own = {key: p.detach().requires_grad_() for key, p in params.items() if key.startswith(f"{name}.")}
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        out = branch(own, name, x)
    pulled, *found = torch.autograd.grad(out, [x, *own.values()], cotangent)
    grads.update(zip(own, found, strict=True))
    return out.detach(), pulled

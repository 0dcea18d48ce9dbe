"""Jacobians of the dynamics, by reverse mode or by differences."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from odebench_torch.functional.evaluation import Evaluation, Time


def of_graph(k: Tensor, y: Tensor) -> Tensor:
    """``∂k_i/∂y_j`` (n, n) of a recorded evaluation, by n VJPs at once; one by one where f has no rule for vmap."""
    rows = torch.eye(len(k), dtype=k.dtype, device=k.device)
    try:
        (jacobian,) = torch.autograd.grad(k, y, rows, retain_graph=True, is_grads_batched=True, allow_unused=True)
    except RuntimeError:
        found = [torch.autograd.grad(k, y, row, retain_graph=True, allow_unused=True)[0] for row in rows]
        jacobian = None if found[0] is None else torch.stack(found)
    return torch.zeros_like(rows) if jacobian is None else jacobian


def at(f: Evaluation, t: Time, y: Tensor) -> Tensor:
    """``∂f/∂y`` (n, n). Dynamics that hide their graph, as an adjoint's do, are differenced."""
    leaf = y.detach().clone().requires_grad_()
    with torch.enable_grad():
        k = f(t, leaf)
    return of_graph(k, leaf) if k.requires_grad else _differences(f, t, y, k)


def _differences(f: Evaluation, t: Time, y: Tensor, k: Tensor) -> Tensor:
    root = math.sqrt(torch.finfo(y.dtype).eps)
    typical = y.square().mean().sqrt().mul(1e-3).clamp_min(root)
    steps = root * torch.maximum(y.abs(), typical)
    return torch.stack([(f(t, y + row) - k) / step for row, step in zip(torch.diag(steps), steps, strict=True)], dim=1)


def product(f: Evaluation, t: Time, y: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """``∂f/∂y v`` by one difference (Knoll & Keyes 2004, J. Comput. Phys. 193, eq. 11), k being f(t, y)."""
    root = math.sqrt(torch.finfo(y.dtype).eps)
    size = torch.linalg.vector_norm(v)
    step = root * torch.linalg.vector_norm(y).clamp_min(root) / size.clamp_min(torch.finfo(y.dtype).tiny)
    return torch.sub(f(t, torch.addcmul(y, step, v)), k).div(step)

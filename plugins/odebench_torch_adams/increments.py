"""Integrals of the polynomials that Adams methods put through past slopes, on whatever knots."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from torch import Tensor


@cache
def _gauss(points: int) -> tuple[Tensor, Tensor]:
    """Nodes and weights on [0, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(points)
    with torch.inference_mode(False):  # what is kept serves solves with grad, too
        return torch.as_tensor((nodes + 1) / 2), torch.as_tensor(weights / 2)


def increments(nodes: Tensor, begin: Tensor, ends: Tensor) -> Tensor:
    """What each further node adds to the integral of an interpolating polynomial.

    In Newton's form ``∫ P = Σ_j ∫ Π_{i<j} (τ - s_i) dτ · f[s_0, …, s_j]`` (HNW III.5, eq. 5.4). The integrals are
    exact by Gauss' quadrature, and the divided differences linear in f, so that the first q rows summed are the
    weights of the polynomial through q nodes. Differentiable in all of the times.

    :param nodes: (m,), distinct; the newest first.
    :param ends: (p,), up to where from ``begin`` is integrated.
    :returns: (p, m, m), for each end a row for each node.
    """
    unit = torch.cat([nodes - begin, ends - begin]).detach().abs().max()
    unit = torch.where(unit == 0, 1.0, unit)  # nothing to integrate over, with one node
    s, x = (nodes - begin) / unit, (ends - begin) / unit
    count = len(s)
    points, weights = _gauss((count + 1) // 2)
    inside = x[:, None, None] * points[:, None]
    products = torch.cat([torch.ones_like(inside), inside - s[:-1]], dim=2).cumprod(2)
    integrals = unit * x[:, None] * (weights @ products)
    gaps = s[:, None] - s + torch.eye(count, dtype=s.dtype)
    return integrals[:, :, None] * gaps.cumprod(1).T.reciprocal().tril()

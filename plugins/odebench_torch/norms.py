"""How large an error is, against what is tolerated."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from odebench.contract import PyTree
from odebench_torch.layout import Layout


def largest_rms(leaves: Sequence[Tensor]) -> float:
    """The largest of the leaves' root mean squares; infinite where one is not finite."""
    if len(leaves) == 1:
        norms: list[float] = [torch.linalg.vector_norm(leaves[0]).item()]
    else:
        norms = torch.stack([torch.linalg.vector_norm(leaf) for leaf in leaves]).tolist()
    if not math.isfinite(sum(norms)):
        return math.inf
    return max(norm / math.sqrt(max(leaf.numel(), 1)) for norm, leaf in zip(norms, leaves, strict=True))


class Tolerance:
    """``norm(x / (atol + rtol max|y|))`` as a Python number: the one time that a step waits for the device.

    :param norm: of a tree like y; the largest of the leaves' root mean squares when None.
    """

    def __init__(
        self, layout: Layout, rtol: float, atol: float, norm: Callable[[PyTree], Tensor | float] | None
    ) -> None:
        self.layout, self.rtol, self.atol, self.norm = layout, rtol, atol, norm
        self._atol = torch.full((), atol, dtype=layout.dtype, device=layout.device)

    def scale(self, magnitude: Tensor) -> Tensor:
        if self.atol == 0:  # 0 / 0 is no error
            return magnitude.mul(self.rtol).clamp_min_(torch.finfo(magnitude.dtype).tiny)
        return torch.add(self._atol, magnitude, alpha=self.rtol)

    def __call__(self, x: Tensor, scale: Tensor) -> float:
        scaled, layout = x / scale, self.layout
        if self.norm is None:
            return largest_rms([scaled] if len(layout.sizes) == 1 else scaled.split_with_sizes(layout.sizes))
        size = float(self.norm(layout.tree(layout.views(scaled))))
        return size if math.isfinite(size) else math.inf

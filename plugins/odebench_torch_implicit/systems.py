"""The linear systems ``(I - hγJ) x = b`` of Newton's iteration, and their transposes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from odebench_torch.functional.evaluation import Evaluation, Time
from odebench_torch_implicit import jacobian
from odebench_torch_implicit.gmres import gmres

DENSE_UP_TO = 128
"""The largest state whose Jacobian is formed; beyond it there are products with it alone.

On one CPU core, kvaerno4 with the gradient of a network's dynamics took less time with a matrix up to some 250 numbers
where they are not stiff, and much less where they are; but where f hides its graph, a matrix takes n evaluations.
"""
# An error of the linear solve this small hardly slows Newton's iteration.
_FORCING = 1e-3


class System(Protocol):
    """Solves with J where it was last taken.

    :ivar anchor: where that was, if it must be remembered: nothing, or one state.
    :ivar time: when that was.
    """

    anchor: Sequence[Tensor]
    time: float

    def take(self, f: Evaluation, t: float, y: Tensor) -> None:
        """Take J at (t, y), unless it is the last one."""

    def solve(self, f: Evaluation, hg: float, t: Time, y: Tensor, b: Tensor, k: Tensor | None = None) -> Tensor:
        """``(I - hγJ)⁻¹ b``.

        :param k: f(t, y), where it is known.
        :raises NotFinite: where it is noticed that it is not.
        """

    def transposed(self, k: Tensor, y: Tensor, hg: float, b: Tensor) -> Tensor:
        """``(I - hγJ)⁻ᵀ b`` with J of the recorded evaluation ``k = f(t, y)``, to rounding."""


class DenseSystem:
    """Forms J, and keeps it, and its factors for one hγ."""

    time = 0.0

    def __init__(self) -> None:
        self.anchor: Sequence[Tensor] = ()
        self._factored: tuple[float, Tensor, Tensor] | None = None

    def take(self, f: Evaluation, t: float, y: Tensor) -> None:
        if self.anchor and self.time == t and torch.equal(self.anchor[0], y):
            return
        self._jacobian = jacobian.at(f, t, y)
        self._eye = torch.eye(len(y), dtype=y.dtype, device=y.device)
        self.time, self.anchor, self._factored = t, (y.detach().clone(),), None

    def solve(self, f: Evaluation, hg: float, t: Time, y: Tensor, b: Tensor, k: Tensor | None = None) -> Tensor:
        if self._factored is None or self._factored[0] != hg:
            lu, pivots, _ = torch.linalg.lu_factor_ex(self._eye - hg * self._jacobian)
            self._factored = hg, lu, pivots
        found: Tensor = torch.linalg.lu_solve(*self._factored[1:], b[:, None])
        return found[:, 0]

    def transposed(self, k: Tensor, y: Tensor, hg: float, b: Tensor) -> Tensor:
        matrix = jacobian.of_graph(k, y).mul_(-hg)
        matrix.diagonal().add_(1.0)
        found: Tensor = torch.linalg.solve(matrix.T, b)
        return found


class KrylovSystem:
    """Never forms J: its products are differences at the present state, or VJPs."""

    time = 0.0
    anchor: Sequence[Tensor] = ()

    def take(self, f: Evaluation, t: float, y: Tensor) -> None:
        """J is always that of the present state."""

    def solve(self, f: Evaluation, hg: float, t: Time, y: Tensor, b: Tensor, k: Tensor | None = None) -> Tensor:
        slope = f(t, y) if k is None else k
        return gmres(lambda v: v - hg * jacobian.product(f, t, y, slope, v), b, _FORCING)

    def transposed(self, k: Tensor, y: Tensor, hg: float, b: Tensor) -> Tensor:
        def apply(v: Tensor) -> Tensor:
            (pulled,) = torch.autograd.grad(k, y, v, retain_graph=True, allow_unused=True)
            return v if pulled is None else v - hg * pulled

        return gmres(apply, b, torch.finfo(b.dtype).eps ** 0.9, limit=max(400, 4 * len(b)))


def system_for(size: int, dense_up_to: int) -> System:
    return DenseSystem() if size <= dense_up_to else KrylovSystem()

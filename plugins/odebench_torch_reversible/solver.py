"""The reversible Heun method (Kidger, Foster, Li & Lyons 2021, "Efficient and accurate gradients for neural SDEs",
Algorithm 1, without noise)::

    ŷ₁ = 2 y₀ - ŷ₀ + h k₀,   k₁ = f(t₁, ŷ₁),   y₁ = y₀ + h/2 (k₀ + k₁)

with ``ŷ = y`` and ``k = f(t, y)`` in the beginning: of order 2, with one evaluation a step. It is stable on an interval
of the imaginary axis only, so decay over many steps is not for it.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor

from odebench_torch.dynamics import Field
from odebench_torch.functional.evaluation import Evaluation, Time
from odebench_torch.functional.grid import Grid
from odebench_torch.functional.march import Control, Trial
from odebench_torch.functional.solver import Problem, Solver
from odebench_torch.norms import Tolerance


class ReversibleHeun:
    """The family. The error of a step is its distance from Euler's, ``h/2 (k₁ - k₀)``."""

    name, adaptive = "reversible_heun", True

    def method(self, problem: Problem) -> Method:
        return Method(problem.tolerance)

    def control(self, problem: Problem, field: Field, memory: Tensor) -> Control:
        y, _, k = memory.unbind()
        return problem.adaptive_control(field, y, k, 2, dense=False)


class Method:
    """The memory is (y, ŷ, k)."""

    interpolates = False

    def __init__(self, tolerance: Tolerance | None) -> None:
        self.tolerance = tolerance

    def begin(self, f: Evaluation, grid: Grid, y0: Tensor) -> Tensor:
        return torch.stack([y0, y0, f(grid.time(0), y0)])

    def step(self, f: Evaluation, grid: Grid, n: int, memory: Tensor, note: Any) -> Trial:
        y, y_hat, k = memory.unbind()
        h = grid.size(n)
        y_hat1 = 2 * y - y_hat + h * k
        k1 = f(grid.time(n + 1), y_hat1)
        y1 = y + 0.5 * h * (k + k1)
        error = 0.0
        if self.tolerance is not None:
            with torch.no_grad():
                scale = self.tolerance.scale(torch.maximum(y.abs(), y1.abs()))
                error = self.tolerance(0.5 * (grid.times[n + 1] - grid.times[n]) * (k1 - k), scale)
        return Trial(torch.stack([y1, y_hat1, k1]), partial(_inside, grid.time(n), h, y, y1, k, k1), error)


def _inside(t0: Time, h: Time, y: Tensor, y1: Tensor, k: Tensor, k1: Tensor, times: Tensor) -> Tensor:
    """Hermite's cubic (HNW II.6, eq. 6.7)."""
    theta = ((times - t0) / h).to(y)[:, None]
    between = theta * theta * (3 - 2 * theta) * (y1 - y)
    return y + between + h * theta * (1 - theta) * ((1 - theta) * k - theta * k1)


reversible_heun = Solver(ReversibleHeun())

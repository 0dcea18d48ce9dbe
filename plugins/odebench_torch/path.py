"""y as a function of t: what a solve hands out beside its outputs."""

from __future__ import annotations

import bisect
from collections.abc import Sequence

import torch
from torch import Tensor

from odebench.contract import PyTree
from odebench_torch.layout import Layout
from odebench_torch.scheme import Scheme
from odebench_torch.stepping import Evaluator, Stepper


class Path:
    """A polynomial in ``θ = (t - t_n) / h`` for every accepted step.

    :param times: the beginnings of the steps, and the end of the last.
    :param pieces: for each step the coefficients of 1, θ, θ²…, a row each.
    """

    def __init__(self, layout: Layout, times: Sequence[float], pieces: Sequence[Tensor]) -> None:
        self.layout, self.times, self.pieces = layout, times, pieces
        self._sign = 1.0 if times[-1] >= times[0] else -1.0
        self._ends = [self._sign * t for t in times[1:-1]]

    def __call__(self, t: Tensor | float) -> PyTree:
        """y, a tree like y0. A t beyond the solve is extrapolated to from its first or last step."""
        time = float(t)
        n = bisect.bisect_left(self._ends, self._sign * time)
        begin, end, piece = self.times[n], self.times[n + 1], self.pieces[n]
        theta = (time - begin) / (end - begin)
        powers = piece.new_tensor([theta**j for j in range(len(piece))])
        return self.layout.tree(self.layout.views(powers @ piece))


def hermite(h: float, y0: Tensor, k0: Tensor, y1: Tensor, k1: Tensor) -> Tensor:
    """The coefficients of the cubic through both ends of a step with their slopes (HNW II.6, eq. 6.7)."""
    rise, a, b = y1 - y0, h * k0, h * k1
    return torch.stack([y0, a, 3 * rise - 2 * a - b, a + b - 2 * rise])


class TracingStepper(Stepper):
    """Keeps the path: by the method's own dense output where it has one, else by Hermite's cubics.

    :ivar times: the beginnings of the accepted steps, and the end of the last.
    :ivar pieces: their polynomials.
    """

    def __init__(self, scheme: Scheme, f: Evaluator, t0: float, t: Tensor, y: Tensor, k0: Tensor) -> None:
        super().__init__(scheme, f, t, y, k0)
        self.times = [t0]
        self.pieces: list[Tensor] = []

    def attempt(self, t1: float, h: float) -> Tensor:
        self._end, self._h = t1, h
        return super().attempt(t1, h)

    def accept(self, y: Tensor) -> None:
        self.times.append(self._end)
        if self.scheme.dense is not None:
            self.pieces.append(torch.cat([self.y[None], (self.scheme.dense.T @ self.stages).mul_(self._h)]))
            super().accept(y)
            return
        y0, k0 = self.y, self.stages[0].clone()
        super().accept(y)
        if not self._fresh:  # the next step would evaluate it
            self.f(self.t, y, self._rows[0])
            self._fresh = True
        self.pieces.append(hermite(self._h, y0, k0, y, self.stages[0]))

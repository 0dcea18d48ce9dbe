"""The knots of a solve, and how they move with the output times."""

from __future__ import annotations

import torch
from torch import Tensor

from odebench_torch.functional.evaluation import Time
from odebench_torch.pace import Tie


class Grid:
    """Knots that are numbers, or differentiable in the output times where those require grad.

    Steps whose ends move together have a constant size.

    :param ts: output times, float64 on the CPU.
    """

    def __init__(self, ts: Tensor) -> None:
        self.ts, self.timed = ts, ts.requires_grad and torch.is_grad_enabled()
        self.times = [ts[0].item()]
        self.ties: list[Tie] = [((0, 1.0),)]

    def at(self, ts: Tensor) -> Grid:
        """The same knots, moving with these output times."""
        grid = Grid(ts)
        grid.times, grid.ties = self.times, self.ties
        return grid

    def push(self, t: float, tie: Tie) -> None:
        self.times.append(t)
        self.ties.append(tie)

    def pop(self) -> None:
        self.times.pop()
        self.ties.pop()

    def time(self, n: int) -> Time:
        return self._moving(n) if self.timed else self.times[n]

    def size(self, n: int) -> Time:
        """Of the step from knot n to the next, signed."""
        if self.timed and self.ties[n] != self.ties[n + 1]:
            return self._moving(n + 1) - self._moving(n)
        return self.times[n + 1] - self.times[n]

    def knots(self, first: int, last: int) -> Tensor:
        """Those from ``first`` to ``last``, both included; constants where they all move together."""
        ties = self.ties[first : last + 1]
        if self.timed and any(tie != ties[0] for tie in ties):
            return torch.stack([self._moving(n) for n in range(first, last + 1)])
        return self.ts.new_tensor(self.times[first : last + 1])

    def _moving(self, n: int) -> Tensor:
        tied = torch.stack([weight * self.ts[j] for j, weight in self.ties[n]]).sum()
        return tied + (self.times[n] - tied.detach())

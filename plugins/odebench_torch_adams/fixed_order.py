"""Adams–Bashforth, and Adams–Moulton as a corrector, of fixed order."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor

from odebench_rungekutta.rk4 import RK4
from odebench_torch.functional.evaluation import Evaluation, Time
from odebench_torch.functional.grid import Grid
from odebench_torch.functional.march import Trial
from odebench_torch_adams.increments import increments


class FixedOrder:
    """A method of :mod:`odebench_torch.functional` whose memory is y and the slopes at the last ``order`` knots.

    ``y_{n+1} = y_n + ∫ P`` with P through the last ``order`` slopes (HNW III.5, eq. 5.1); with ``corrects``, f of that
    takes the place of the oldest in a second P, and is evaluated again (PECE). The first ``order - 1`` steps are the
    Runge–Kutta method's, whose dense output is of order 3.

    :param order: at most 4.
    """

    interpolates = True

    def __init__(self, order: int, *, corrects: bool) -> None:
        self.order, self.corrects = order, corrects

    def begin(self, f: Evaluation, grid: Grid, y0: Tensor) -> Tensor:
        return torch.stack([y0, f(grid.time(0), y0)])

    def step(self, f: Evaluation, grid: Grid, n: int, memory: Tensor, note: Any) -> Trial:
        y, slopes = memory[0], memory[1:]
        if len(slopes) < self.order:
            y1, piece = _start(f, grid, n, y, slopes[0])
        else:
            knots = grid.knots(n - self.order + 1, n + 1).flip(0)
            y1, piece = _integrate(grid, n, y, knots[1:], slopes, knots)
            if self.corrects:
                through = torch.cat([f(grid.time(n + 1), y1)[None], slopes[:-1]])
                y1, piece = _integrate(grid, n, y, knots[:-1], through, knots)
        newest = torch.stack([y1, f(grid.time(n + 1), y1)])
        return Trial(torch.cat([newest, slopes[: self.order - 1]]), piece)


def _integrate(grid: Grid, n: int, y: Tensor, nodes: Tensor, slopes: Tensor, knots: Tensor) -> tuple[Tensor, Any]:
    piece = partial(inside, grid.time(n), y, nodes, slopes, knots[1])
    return y + _weights(nodes, knots[1], knots[:1]).to(y)[0] @ slopes, piece


def _weights(nodes: Tensor, begin: Tensor, ends: Tensor) -> Tensor:
    return increments(nodes, begin, ends).sum(1)


def inside(t0: Time, y: Tensor, nodes: Tensor, slopes: Tensor, begin: Tensor, times: Tensor) -> Tensor:
    """y at times inside a step, by the polynomial that makes the step.

    :param begin: t0 as the nodes have it, who need not move where they all move together.
    """
    return y + _weights(nodes, begin, begin + (times - t0)).to(y) @ slopes


def _start(f: Evaluation, grid: Grid, n: int, y: Tensor, k: Tensor) -> tuple[Tensor, Any]:
    t1, h = grid.time(n + 1), grid.size(n)
    stages = [k]
    for c, row in zip(RK4.c[1:], RK4.a[1:], strict=True):
        sums = y.new_tensor([float(x) for x in row]) @ torch.stack(stages)
        stages.append(f(t1 + (float(c) - 1) * h, y + h * sums))
    slopes = torch.stack(stages)
    y1 = y + h * (y.new_tensor([float(x) for x in RK4.b]) @ slopes)
    return y1, partial(_inside_start, grid.time(n), h, y, slopes)


def _inside_start(t0: Time, h: Time, y: Tensor, slopes: Tensor, times: Tensor) -> Tensor:
    assert RK4.dense is not None
    theta = ((times - t0) / h).to(y)[:, None]
    rows = y.new_tensor([[float(x) for x in row] for row in RK4.dense])
    powers = torch.cat([theta ** (j + 1) for j in range(rows.shape[1])], dim=1)
    return y + h * (powers @ rows.T @ slopes)

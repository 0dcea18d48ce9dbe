"""Predictor and corrector of order 1 to 12 on whatever steps (HNW III.5), with what their order is chosen by."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from odebench_torch.functional.evaluation import Evaluation
from odebench_torch.functional.grid import Grid
from odebench_torch.functional.march import Trial
from odebench_torch.norms import Tolerance
from odebench_torch_adams.fixed_order import inside
from odebench_torch_adams.increments import increments

MAX_ORDER = 12


class Errors(NamedTuple):
    """What the local error is at an order k, and what it would be at others, over the tolerance (HNW III.7).

    ``y^(q+1) - y^(q)``, the difference of the correctors through q + 1 and q slopes, is the error at order q; a
    missing one is None.
    """

    two_below: float | None
    below: float | None
    here: float
    above: float | None


class VariableOrder:
    """A method of :mod:`odebench_torch.functional` whose memory is y and the slopes at up to 13 knots.

    A step of order k predicts through k slopes, corrects through these and the predicted one, which is carried on
    (local extrapolation: of order k + 1), and evaluates once more.
    """

    interpolates = True

    def __init__(self, tolerance: Tolerance) -> None:
        self.tolerance = tolerance

    def begin(self, f: Evaluation, grid: Grid, y0: Tensor) -> Tensor:
        return torch.stack([y0, f(grid.time(0), y0)])

    def step(self, f: Evaluation, grid: Grid, n: int, memory: Tensor, note: Any) -> Trial:
        """:param note: the order k; there are at least k slopes."""
        order: int = note
        y, slopes = memory[0], memory[1:]
        used = min(order + 1, len(slopes))
        knots = grid.knots(n - used + 1, n + 1).flip(0)
        t1 = grid.time(n + 1)
        guess = increments(knots[1 : order + 1], knots[1], knots[:1])[0].sum(0).to(y)
        predicted = f(t1, y + guess @ slopes[:order])
        through = torch.cat([predicted[None], slopes[:used]])
        rows = increments(knots, knots[1], knots[:1])[0].to(y)
        y1 = y + rows[: order + 1].sum(0) @ through
        newest = torch.stack([y1, f(t1, y1)])
        piece = partial(inside, grid.time(n), y, knots[: order + 1], through[: order + 1], knots[1])
        with torch.no_grad():
            corrected = torch.cat([newest[1:], through[1:]])
            errors = self._errors(order, rows, through, corrected, torch.maximum(y.abs(), y1.abs()))
        return Trial(torch.cat([newest, slopes[:MAX_ORDER]]), piece, errors)

    def _errors(self, order: int, rows: Tensor, through: Tensor, corrected: Tensor, magnitude: Tensor) -> Errors:
        """That at the order above is made of the corrected slope: the predicted one is not good enough for it."""
        scale = self.tolerance.scale(magnitude)

        def error(q: int, slopes: Tensor) -> float:
            return self.tolerance(rows[q] @ slopes, scale)

        below, two_below = (error(q, through) if q > 0 else None for q in (order - 1, order - 2))
        rises = order < MAX_ORDER and order + 1 < len(rows)
        return Errors(two_below, below, error(order, through), error(order + 1, corrected) if rises else None)

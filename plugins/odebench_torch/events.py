"""Where an event is on a path: see :class:`odebench.events.Locate`."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from odebench.contract import Dynamics, PyTree, SolveError, Status
from odebench.events import LOOKS, Dense, EventFunction


@torch.no_grad()
def locate(
    dense: Dense, f: Dynamics, y0: PyTree, ts: Tensor, params: PyTree, g: EventFunction, direction: int
) -> Tensor:
    """By looking at the ends of equal intervals until the sign has changed, and halving that interval.

    A look at just 0 before the last one is passed over: whether the sign changes there, the next one tells.
    """
    _, _, path = dense(f, y0, ts[[0, -1]], params)

    def value(t: Tensor) -> float:
        return float(g(t, path(t), params))

    grid = torch.linspace(float(ts[0]), float(ts[-1]), LOOKS + 1, dtype=ts.dtype, device=ts.device)
    low, before = grid[0], value(grid[0])
    for n, high in enumerate(grid[1:], 1):
        after = value(high)
        if after == 0 and n < LOOKS:
            continue
        if _crosses(before, after, direction):
            return _bisect(value, low, high, before)
        low, before = high, after
    raise SolveError(Status.no_event)


def _crosses(before: float, after: float, direction: int) -> bool:
    falls, rises = before > 0 >= after and direction <= 0, before < 0 <= after and direction >= 0
    return falls or rises


def _bisect(value: Callable[[Tensor], float], low: Tensor, high: Tensor, before: float) -> Tensor:
    """The end of the last interval that can be told from its beginning."""
    while True:
        middle = low + (high - low) / 2
        if middle in (low, high):
            return high
        if value(middle) * before > 0:
            low = middle
        else:
            high = middle

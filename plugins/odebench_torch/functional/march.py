"""What a method is, and the loop around its steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from odebench.contract import SolveError, Status
from odebench_torch.functional.evaluation import Evaluation
from odebench_torch.functional.grid import Grid
from odebench_torch.pace import AdaptivePace, FixedPace, Tie

Piece = Callable[[Tensor], Tensor]
"""``times (m,) -> (m, n)``: y inside a step."""


class Trial(NamedTuple):
    """A step that was tried.

    :param memory: what the next step begins with, (rows, n); the first row is y.
    :param piece: y inside the step; it keeps what it needs of it.
    :param error: what it is judged by: a number of at most 1 where it will do, or what the method's control takes.
    :param note: what the next step is made with, where this one is accepted.
    """

    memory: Tensor
    piece: Piece
    error: Any = 0.0
    note: Any = None


class Method(Protocol):
    """Steps as functions of their arguments alone: taken again, a step is what it was.

    :ivar interpolates: whether ``piece`` is as accurate as the steps; else every output is landed on.
    """

    interpolates: bool

    def begin(self, f: Evaluation, grid: Grid, y0: Tensor) -> Tensor:
        """The memory at the first knot."""

    def step(self, f: Evaluation, grid: Grid, n: int, memory: Tensor, note: Any) -> Trial:
        """From knot n to knot n + 1. Differentiable where grad is enabled, with the note as a constant."""


class Control(Protocol):
    """Which step to try, and whether it is good.

    :ivar h: the step that it would try next, unsigned; 0 without control.
    :ivar note: what the step is made with, beside its memory; None in the beginning.
    """

    note: Any

    @property
    def h(self) -> float: ...
    def propose(self) -> float | None: ...
    def tie(self, landed: int | None) -> Tie:
        """How the knot that was proposed moves with the output times, of which it is the one ``landed``."""

    def judge(self, trial: Trial) -> bool: ...


class FixedControl:
    """Takes every step of a pace, but those that could not be made."""

    note: Any = None
    h = 0.0

    def __init__(self, pace: FixedPace) -> None:
        self.pace = pace

    def propose(self) -> float | None:
        self._begin = self.pace.t
        t1 = self.pace.propose()
        if t1 is not None:
            self.pace.judge(0.0)
        return t1

    def tie(self, landed: int | None) -> Tie:
        return self.pace.tie(landed)

    def judge(self, trial: Trial) -> bool:
        if trial.error > 1:
            error = SolveError(Status.underflow if math.isfinite(trial.error) else Status.non_finite, self._begin)
            if error.status == Status.underflow:
                error.add_note("Newton's iteration did not converge: this problem needs smaller steps")
            raise error
        self.note = trial.note
        return True


class AdaptiveControl:
    """Judges steps by their error."""

    note: Any = None

    def __init__(self, pace: AdaptivePace) -> None:
        self.pace = pace
        self._base: Tie = ((0, 1.0),)

    @property
    def h(self) -> float:
        return self.pace.h

    def propose(self) -> float | None:
        return self.pace.propose()

    def tie(self, landed: int | None) -> Tie:
        self._tie = self._base if landed is None else ((landed, 1.0),)
        return self._tie

    def judge(self, trial: Trial) -> bool:
        accepted = self.pace.judge(trial.error)
        self.note = trial.note if accepted else None
        if accepted:
            self._base = self._tie
        return accepted


class Step(NamedTuple):
    """An accepted step.

    :param outputs: the outputs inside it, ``ts[first:last]``.
    :param landed: the output that its end is, if any.
    """

    note: Any
    outputs: tuple[int, int]
    landed: int | None


class Counts(NamedTuple):
    accepted: int
    rejected: int


def march(
    method: Method,
    f: Evaluation,
    grid: Grid,
    control: Control,
    memory: Tensor,
    keep: Callable[[Step, Trial], None] | None = None,
) -> tuple[Tensor, Counts]:
    """Step through the output times of the grid; ``ys`` of shape (T, n).

    :param memory: at the first knot.
    :param keep: called with every accepted step.
    :raises SolveError: from the control.
    """
    ts: Sequence[float] = grid.ts.tolist()
    sign = 1.0 if ts[-1] > ts[0] else -1.0
    blocks = [memory[:1]]
    j, n, rejected = 1, 0, 0
    while (t1 := control.propose()) is not None:
        last = j
        while sign * (ts[last] - t1) < 0:
            last += 1
        landed = last if ts[last] == t1 else None
        grid.push(t1, control.tie(landed))
        note = control.note
        trial = method.step(f, grid, n, memory, note)
        if not control.judge(trial):
            grid.pop()
            rejected += 1
            continue
        if last > j:
            blocks.append(trial.piece(grid.ts[j:last]))
        if landed is not None:
            blocks.append(trial.memory[:1])
        if keep is not None:
            keep(Step(note, (j, last), landed), trial)
        memory, n, j = trial.memory, n + 1, last + (landed is not None)
    return torch.cat(blocks), Counts(n, rejected)

"""Which time to step to next: fixed knots, or steps that keep the estimated error within tolerance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

from odebench.contract import SolveError, Status
from odebench.control import ERROR_FLOOR, FACTOR_MAX, FACTOR_MIN, SAFETY, pi_exponents

# A step that would leave a sliver of less than this part of itself takes the sliver along.
SLIVER = 1e-3

Tie = tuple[tuple[int, float], ...]
"""How a knot moves with the output times: ``(j, dknot/dts[j])`` for every j that it moves with."""

Knot = tuple[float, Tie]


class Pace(Protocol):
    """The host's side of a solve, in Python's float64 whatever the dtype of y.

    :ivar t: the time that has been reached.
    :ivar h: the step size that a controller would try next, not clipped to any output time; 0 without one.
    """

    t: float
    h: float

    def propose(self) -> float | None:
        """The time to step to from ``t``; None once the last one is reached."""

    def judge(self, error: float) -> bool:
        """Whether the step that was proposed is accepted; ``t`` is its end then."""

    def tie(self, landed: int | None) -> Tie:
        """How the knot at ``t``, which is output ``landed`` if any, moves with the output times."""


class FixedPace:
    """Knots that are known in advance.

    Without ``step`` and ``num_steps`` they are the output times; else ``ts[0] + m·h`` and the last time, where an
    output next to a knot takes its place, and an output elsewhere is a further knot unless ``dense``.

    :raises SolveError: at ts[0], when they are more than ``max_steps``.
    """

    def __init__(
        self, ts: Sequence[float], step: float | None, num_steps: int | None, max_steps: int, *, dense: bool
    ) -> None:
        self.t, self.h = ts[0], 0.0
        if step is None and num_steps is None:
            self._knots: list[Knot] = [(ts[j], ((j, 1.0),)) for j in range(1, len(ts))]
        else:
            # Before the knots are made, which are too many for the memory where a step is tiny.
            if (num_steps or abs(ts[-1] - ts[0]) / (step or math.inf) - SLIVER) > max_steps:
                raise SolveError(Status.max_steps, ts[0])
            self._knots = self._grid(ts, step, num_steps, dense=dense)
        self._next = 0
        if len(self._knots) > max_steps:
            raise SolveError(Status.max_steps, ts[0])

    @staticmethod
    def _grid(ts: Sequence[float], step: float | None, num_steps: int | None, *, dense: bool) -> list[Knot]:
        span, last = ts[-1] - ts[0], len(ts) - 1
        if num_steps is not None:
            h, n = span / num_steps, num_steps
        else:
            assert step is not None
            h = math.copysign(step, span)
            n = max(1, math.ceil(span / h - SLIVER))
        knots: dict[int, Knot] = {n: (ts[-1], ((last, 1.0),))}
        further: list[Knot] = []
        for j in range(1, last):
            m = round((ts[j] - ts[0]) / h)
            beside = abs(ts[j] - (ts[0] + m * h)) <= SLIVER * abs(h)
            if beside and 0 < m < n and m not in knots:
                knots[m] = (ts[j], ((j, 1.0),))
            elif not dense:
                further.append((ts[j], ((j, 1.0),)))
        for m in range(1, n):
            tie: Tie = ((0, 1.0),) if num_steps is None else ((0, 1.0 - m / n), (last, m / n))
            knots.setdefault(m, (ts[0] + m * h, tie))
        return sorted([*knots.values(), *further], key=lambda knot: abs(knot[0] - ts[0]))

    def propose(self) -> float | None:
        return self._knots[self._next][0] if self._next < len(self._knots) else None

    def judge(self, error: float) -> bool:
        self.t = self._knots[self._next][0]
        self._next += 1
        return True

    def tie(self, landed: int | None) -> Tie:
        return self._knots[self._next - 1][1] if landed is None else ((landed, 1.0),)


class AdaptivePace:
    """A PI controller (Hairer & Wanner II, IV.2); the steps that it chooses are constants to every derivative.

    :param goals: the times to land on exactly, the last one at least.
    :param h: the first step size.
    :param min_step: no step is smaller, but for one that lands on a goal; to need a smaller one is an underflow.
    """

    def __init__(
        self, t0: float, goals: Sequence[float], h: float, error_order: int, max_steps: int, min_step: float
    ) -> None:
        self.t = t0
        self.attempts = 0
        self._goals, self._reached = goals, 0
        # Of fewer than ten units in the last place, a step is not what its error says.
        self._min_step = max(min_step, 10.0 * math.ulp(max(abs(t0), abs(goals[-1]))))
        self.h = max(h, self._min_step)
        self._max_steps = max_steps
        self._sign = math.copysign(1.0, goals[-1] - t0)
        self._alpha, self._beta = pi_exponents(error_order)
        self._last_error, self._growing = ERROR_FLOOR, True
        self._proposed = t0
        self._base: Tie = ((0, 1.0),)

    def propose(self) -> float | None:
        if self._reached == len(self._goals):
            return None
        if self.attempts == self._max_steps:
            raise SolveError(Status.max_steps, self.t)
        self.attempts += 1
        goal = self._goals[self._reached]
        if abs(goal - self.t) <= self.h * (1.0 + SLIVER):
            self._proposed = goal
        else:
            self._proposed = self.t + self._sign * self.h
        return self._proposed

    def judge(self, error: float) -> bool:
        tried = abs(self._proposed - self.t)
        proportional = SAFETY * error**-self._alpha if error > 0 else math.inf
        if not error <= 1:
            self.h = tried * max(FACTOR_MIN, proportional)
            self._growing = False
            if self.h < self._min_step:
                raise SolveError(Status.underflow if math.isfinite(error) else Status.non_finite, self.t)
            return False
        factor = proportional * self._last_error**self._beta
        h = tried * min(max(factor, FACTOR_MIN), FACTOR_MAX)
        if tried < self.h and factor >= FACTOR_MAX:  # the error of a clipped step says too little
            h = max(h, self.h)
        self.h = max(h if self._growing else min(h, self.h), self._min_step)
        self._last_error, self._growing = max(error, ERROR_FLOOR), True
        self.t = self._proposed
        self._reached += self.t == self._goals[self._reached]
        return True

    def tie(self, landed: int | None) -> Tie:
        if landed is not None:
            self._base = ((landed, 1.0),)
        return self._base

"""Which step and which order to take next, after Shampine and Gordon."""

from __future__ import annotations

import math
from collections.abc import Sequence

from odebench.contract import SolveError, Status
from odebench_torch.functional.march import Trial
from odebench_torch.pace import SLIVER, Tie
from odebench_torch_adams.variable_order import MAX_ORDER, Errors

# What a step aims at, so that it seldom fails.
_AIM = 0.5


class OrderControl:
    """The strategy of Shampine & Gordon 1975 (*Computer Solution of Ordinary Differential Equations*, ch. 7).

    In the beginning order and step rise with every step, until one fails or a lower order is better; then the order
    goes where the error is least, and the step is doubled where the error allows it, and else kept if it may be.

    :ivar note: the order.
    """

    def __init__(self, times: Sequence[float], h: float, max_steps: int, min_step: float) -> None:
        self.t, self._goal = times[0], times[-1]
        self._sign = math.copysign(1.0, self._goal - self.t)
        # Of fewer than ten units in the last place, a step is not what its error says.
        self._min_step = max(min_step, 10.0 * math.ulp(max(abs(self.t), abs(self._goal))))
        self.h = max(h, self._min_step)
        self.note = 1
        self._left = max_steps
        self._rising, self._same, self._failures = True, 0, 0

    def propose(self) -> float | None:
        if self.t == self._goal:
            return None
        if self._left == 0:
            raise SolveError(Status.max_steps, self.t)
        self._left -= 1
        near = abs(self._goal - self.t) <= self.h * (1.0 + SLIVER)
        self._proposed = self._goal if near else self.t + self._sign * self.h
        return self._proposed

    def tie(self, landed: int | None) -> Tie:
        return ((0, 1.0),) if self._proposed != self._goal or landed is None else ((landed, 1.0),)

    def judge(self, trial: Trial) -> bool:
        errors: Errors = trial.error
        lower = self._is_lower_better(errors)
        if not errors.here <= 1:
            self._fail(errors.here, lower=lower)
            return False
        tried, clipped = abs(self._proposed - self.t), self._proposed == self._goal
        self.t = self._proposed
        self._failures = 0
        error = self._next_order(errors, lower=lower)
        if not clipped:
            self.h = max(self._next_step(tried, error), self._min_step)
        return True

    def _is_lower_better(self, errors: Errors) -> bool:
        if errors.below is None:
            return False
        if errors.two_below is None:
            return errors.below <= 0.5 * errors.here
        return max(errors.below, errors.two_below) <= errors.here

    def _fail(self, error: float, *, lower: bool) -> None:
        self._rising, self._same = False, 0
        self._failures += 1
        self.note = 1 if self._failures >= 3 else self.note - lower
        factor = 0.5 if self._failures <= 3 else min(0.5, math.sqrt(_AIM / error))
        if not math.isfinite(error):
            factor = 0.1
        self.h = abs(self._proposed - self.t) * factor
        if self.h < self._min_step:
            raise SolveError(Status.underflow if math.isfinite(error) else Status.non_finite, self.t)

    def _next_order(self, errors: Errors, *, lower: bool) -> float:
        """Choose the order; the error that is expected of it."""
        self._same += 1
        if lower or self.note == MAX_ORDER:
            self._rising = False
        if self._rising:
            self.note += 1
            return 0.0
        if not lower and errors.above is not None and self._same > self.note:
            if errors.below is None:
                rises = errors.above < 0.5 * errors.here
            else:
                lower = errors.below <= min(errors.here, errors.above)
                rises = not lower and errors.above < errors.here
            if rises:
                self.note, self._same = self.note + 1, 0
                return errors.above
        if lower:
            assert errors.below is not None
            self.note, self._same = self.note - 1, 0
            return errors.below
        return errors.here

    def _next_step(self, tried: float, error: float) -> float:
        if self._rising or error * 2.0 ** (self.note + 1) <= _AIM:
            return 2.0 * tried
        if error <= _AIM:
            return tried
        return tried * max(0.5, min(0.9, math.pow(_AIM / error, 1.0 / (self.note + 1))))

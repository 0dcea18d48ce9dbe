"""Which states of a solve are kept, and how the others are had again."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Literal

from torch import Tensor

Checkpoints = int | Literal["all"]


def limit_of(checkpoints: Checkpoints) -> float:
    """How many states may be kept; infinite for all.

    :raises ValueError: when it is neither ``"all"`` nor a whole number of at least 1.
    """
    if checkpoints == "all":
        return math.inf
    if not isinstance(checkpoints, int) or checkpoints < 1:
        raise ValueError(f"checkpoints must be 'all' or a whole number of at least 1, got {checkpoints!r}")
    return checkpoints


class Thinned:
    """The states at the beginning of every step, thinned out as they become too many.

    How many steps there will be is not known: whenever half of what may be kept is there, every other one goes.
    The other half is for the way back, where it makes long gaps cheap.

    :ivar states: some of the states, by the number of the step that they begin.
    """

    def __init__(self, limit: float) -> None:
        self.room = max(1.0, limit / 2)
        self.states: dict[int, Tensor] = {}
        self._next, self._stride = 0, 1

    def add(self, y: Tensor) -> None:
        """The state that the next step begins with."""
        n, self._next = self._next, self._next + 1
        while n % self._stride == 0 and len(self.states) >= self.room:
            self._stride *= 2
            self.states = {m: kept for m, kept in self.states.items() if m % self._stride == 0}
        if n % self._stride == 0:
            self.states[n] = y


class Rewind:
    """The state at the beginning of any step, asked for from the last to the first.

    Never are there more than ``limit`` states at once, those that it starts with included (they are autograd's
    and stay), but for the one that is handed out. A gap of l steps with s states for it costs the fewest steps
    there can be, ``r l - C(s + r, s + 1)`` with the least r for which ``C(s + r, s) ≥ l``, by the schedule of
    Griewank & Walther 2000 (ACM TOMS 26, Algorithm 799: revolve).

    :param advance: ``(y, begin, end)`` to the state at the beginning of step ``end``.
    :param states: the state of step 0 at least.
    """

    def __init__(
        self, advance: Callable[[Tensor, int, int], Tensor], states: Mapping[int, Tensor], limit: float
    ) -> None:
        self.advance, self.limit = advance, limit
        self._saved = states
        self._stack = sorted(states.items(), key=lambda state: state[0])

    def __call__(self, n: int) -> Tensor:
        while self._stack[-1][0] > n:
            self._stack.pop()
        while (begin := self._stack[-1][0]) < n:
            further = sum(m not in self._saved for m, _ in self._stack)
            slots = 1 + self.limit - len(self._saved) - further
            middle = begin + split(n + 1 - begin, int(slots))
            y = self.advance(self._stack[-1][1], begin, middle)
            if middle == n:
                return y
            self._stack.append((middle, y))
        return self._stack[-1][1]


def split(steps: int, slots: int) -> int:
    """How far to go from a kept state before the next one is kept, to reverse so many steps (> 1) with so many
    slots for states, the first one included."""
    r = 1
    while math.comb(slots + r, slots) < steps:
        r += 1
    return min(math.comb(slots + r - 1, slots), steps - math.comb(slots + r - 2, slots - 1))

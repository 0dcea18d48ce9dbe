"""A rule on a number, and an interval held against it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

_BOUND = re.compile(r"(<=|>=|<|>)\s*(\S+)")
_ROUNDING = 1e-9
"""Of a closed end, by which a number may be beyond it: 0.13 - 0.12 is more than 0.01."""
_RANGE = re.compile(r"(\S+)\s+\.\.\s+(\S+)")


@dataclass(frozen=True)
class Rule:
    """From ``low`` to ``high``, with the ends where they are ``closed``; ``text`` is how it was written."""

    text: str
    low: float = -math.inf
    high: float = math.inf
    closed: bool = True

    def __str__(self) -> str:
        return self.text

    @property
    def _ends(self) -> tuple[float, float]:
        if not self.closed:
            return self.low, self.high
        low, high = self.low, self.high
        return low - _ROUNDING * abs(low), high + _ROUNDING * abs(high)

    def holds(self, low: float, high: float) -> bool:
        """Whether all between ``low`` and ``high`` is inside."""
        return self._inside(low) and self._inside(high)

    def fails(self, low: float, high: float) -> bool:
        """Whether all between ``low`` and ``high`` is outside, on one side."""
        least, most = self._ends
        if self.closed:
            return high < least or low > most
        return high <= least or low >= most

    def _inside(self, value: float) -> bool:
        least, most = self._ends
        if self.closed or math.isinf(value):
            return least <= value <= most
        return least < value < most


def parse_rule(text: str) -> Rule:
    """``< v``, ``<= v``, ``> v``, ``>= v`` or ``a .. b``, both of which are inside.

    :raises ValueError: for anything else.
    """
    text = text.strip()
    try:
        if bound := _BOUND.fullmatch(text):
            sign, value = bound[1], _number(bound[2])
            low, high = (-math.inf, value) if sign[0] == "<" else (value, math.inf)
            return Rule(text, low, high, sign.endswith("="))
        if found := _RANGE.fullmatch(text):
            low, high = _number(found[1]), _number(found[2])
            if low < high:
                return Rule(text, low, high)
    except ValueError:
        pass
    raise ValueError(f'no rule: {text!r}; write "< v", "<= v", "> v", ">= v" or "a .. b"')


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError
    return value

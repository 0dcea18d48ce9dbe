"""Checks of a task's options, which say what is wrong in the user's words."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from odebench.errors import UserError, choices


def whole(suite: str, name: str, value: Any, least: int, most: float = math.inf) -> int:
    """:raises UserError: unless it is a whole number within the bounds."""
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        bounds = f"of at least {least}" if most == math.inf else f"between {least} and {most}"
        raise UserError(f"{suite}: {name} must be a whole number {bounds}, got {value!r}")
    return value


def positive(suite: str, name: str, value: Any) -> float:
    """:raises UserError: unless it is a finite number above 0."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < math.inf:
        raise UserError(f"{suite}: {name} must be positive and finite, got {value!r}")
    return value


def one_of(suite: str, name: str, value: Any, valid: Iterable[str]) -> str:
    """:raises UserError: unless it is one of the valid words."""
    valid = list(valid)
    if value not in valid:
        raise UserError(f"{suite}: {name}: unknown value {value!r}; {choices(str(value), valid)}")
    return str(value)

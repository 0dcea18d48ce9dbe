"""What to call a solver in a message."""

from __future__ import annotations

from odebench.contract import Solve


def name_of(solve: Solve) -> str:
    """The name of a function, or of an object that has one; its class's otherwise."""
    return repr(getattr(solve, "__name__", type(solve).__name__))

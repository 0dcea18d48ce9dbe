"""Errors that a user can act on: one line that names the thing and the valid choices, no traceback."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(Exception):
    """Something that the user typed, wrote or lacks. The command line prints it and exits with 2."""


class DataError(UserError):
    """A data file that is missing, corrupt or truncated."""


def choices(name: str, valid: Iterable[str]) -> str:
    """``did you mean 'x'? valid: …`` for a name that is none of ``valid``."""
    valid = sorted(valid)
    close = get_close_matches(name, valid, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"{hint}valid: {', '.join(valid) or 'none'}"


def unknown(kind: str, name: str, valid: Iterable[str]) -> UserError:
    return UserError(f"unknown {kind} {name!r}; {choices(name, valid)}")

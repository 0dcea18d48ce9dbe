"""How a check ended."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

Verdict = Literal["pass", "fail", "n-a"]


class Outcome(NamedTuple):
    """
    :param figure: what was measured; NaN where nothing was.
    :param bound: what it is held to, in words: ``≤ 1e-06``, ``5 ± 0.5``.
    """

    verdict: Verdict
    figure: float = math.nan
    bound: str = ""
    note: str = ""


class Row(NamedTuple):
    """A line of the report.

    :param backend: ``library/solver/gradient``, or the plugin's name for what concerns it as a whole.
    """

    backend: str
    check: str
    outcome: Outcome


class NotApplicable(Exception):
    """A check that says nothing about this backend, and why."""


def at_most(figure: float, bound: float, note: str = "") -> Outcome:
    """NaN is too much."""
    return Outcome("pass" if figure <= bound else "fail", figure, f"≤ {bound:.3g}", note)


def between(figure: float, low: float, high: float, note: str = "") -> Outcome:
    return Outcome("pass" if low <= figure <= high else "fail", figure, f"{low:g} … {high:g}", note)


def equal(figure: float, expected: float, note: str = "") -> Outcome:
    return Outcome("pass" if figure == expected else "fail", figure, f"= {expected:g}", note)


def one_line(error: BaseException) -> str:
    """``Type: what it says``, short enough for a table."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return text if len(text) <= 200 else f"{text[:197]}…"

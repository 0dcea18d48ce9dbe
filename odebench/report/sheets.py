"""Growth in tables of words, whoever prints them: the fits, who grows faster, and where a GPU begins to pay."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from odebench.report.contests import EQUAL, Contest, Crossover
from odebench.report.fits import Growth
from odebench.report.labels import backend


class Sheet(NamedTuple):
    """:param names: the columns that hold names of backends.
    :param figures: how many of the columns, from the right, are figures.
    :param below: what the columns mean.
    """

    name: str
    title: str
    columns: Sequence[str]
    names: Sequence[str]
    figures: int
    rows: Sequence[Sequence[str]]
    below: str


def growth_sheet(growth: Sequence[Growth]) -> Sheet:
    columns = ("growth of", "with", "task", "backend", "exponent", "constant", "slope", "from", "to", "cells")
    rows = [
        (
            one.y,
            _x(one),
            one.task,
            one.name,
            exponent(one),
            f"{one.law.constant:.3g}" if one.law.constant else "–",
            f"{one.slope:.3g}",
            *(f"{x:g}" for x in one.span),
            str(one.points),
        )
        for one in growth
    ]
    below = (
        "Exponent p of y = constant + factor · x^p ± its standard error, and the constant, – where the law is without "
        "one; slope of the straight line, per unit of x."
    )
    return Sheet("growth", "Growth", columns, ("backend",), 6, rows, below)


def contest_sheet(contests: Sequence[Contest]) -> Sheet:
    columns = ("growth of", "with", "ours", "best peer", "exponent", "peer's", "is", "ours/peer")
    rows = [
        (
            one.ours.y,
            _x(one.ours),
            one.ours.name,
            one.peer.name,
            exponent(one.ours),
            exponent(one.peer),
            one.verdict,
            f"{one.ratio:.2f}" if math.isfinite(one.ratio) else "–",
        )
        for one in contests
    ]
    below = (
        "The best peer is the one whose cost grows least towards more work. Alike: the exponents' difference is within "
        f"its 95 % interval, or within {EQUAL:g}. Open: what ours grows by is too little to be seen in what the peer "
        "costs in any case, or one was not measured as far as the other. ours/peer: cost where both were asked for "
        "most."
    )
    return Sheet("contests", "Growth, ours beside the best peer's", columns, ("ours", "best peer"), 4, rows, below)


def crossover_sheet(crossovers: Sequence[Crossover]) -> Sheet:
    columns = ("time", "with", "task", "backend", "device", "beats the CPU from", "CPU until", "device from")
    rows = [
        (
            one.growth.y,
            _x(one.growth),
            one.growth.task,
            backend(one.growth.cells[0][2]),
            one.device,
            one.words,
            f"{one.low:g}" if one.low else "–",
            f"{one.high:g}" if math.isfinite(one.high) else "–",
        )
        for one in crossovers
    ]
    below = (
        "By interpolation, of the logarithms, between the last size measured at which the CPU is at least as fast and "
        "the next one."
    )
    return Sheet("crossovers", "From where a device beats the CPU", columns, ("backend",), 3, rows, below)


def exponent(one: Growth) -> str:
    error = f"{one.law.error:.2f}" if math.isfinite(one.law.error) else "∞"
    return f"{round(one.law.exponent, 2) + 0.0:.2f} ± {error}"  # no -0.00


def _x(one: Growth) -> str:
    return one.x.removeprefix("option_").removeprefix("solve_")

"""One colour and one marker a backend, the same in every picture of a report."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

# Okabe & Ito's palette without its yellow, which is too pale for a line: told apart by colour-blind readers.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("circle", "square", "diamond", "triangle-up", "triangle-down", "plus", "cross", "star")
DASHES = ("solid", "dashed", "dotted")


class Style(NamedTuple):
    """:param colour: an index into :data:`COLOURS`; a page in the dark has colours of its own."""

    colour: int
    marker: str
    dash: str


def styles(backends: Iterable[str]) -> dict[str, Style]:
    """A style for each backend, by the order in which they first come; the first 168 differ."""
    return {
        name: Style(i % len(COLOURS), MARKERS[i % len(MARKERS)], DASHES[i // len(COLOURS) % len(DASHES)])
        for i, name in enumerate(dict.fromkeys(backends))
    }

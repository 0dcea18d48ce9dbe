"""The documents that the project started from, item by item (``checklist.toml``)."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class Document:
    """A document.

    :param items: what it says that can be run.
    :param errata: what was found to be wrong in it.
    """

    number: str
    title: str
    items: tuple[str, ...]
    errata: tuple[str, ...] = ()

    @property
    def cited(self) -> list[str]:
        """Its items as claims and suites cite them."""
        return [self.cite(item) for item in self.items]

    def cite(self, item: str) -> str:
        return f"{self.number}: {item}"


@cache
def documents() -> tuple[Document, ...]:
    text = Path(__file__).with_name("checklist.toml").read_text(encoding="utf-8")
    return tuple(
        Document(entry["number"], entry["title"], tuple(entry["items"]), tuple(entry.get("errata", ())))
        for entry in tomllib.loads(text)["document"]
    )


def unknown_item(cited: str) -> str:
    """What is wrong with a citation, with the nearest item; empty where it is one, or an erratum."""
    known = [document.cite(item) for document in documents() for item in (*document.items, *document.errata)]
    if cited in known:
        return ""
    (nearest,) = get_close_matches(cited, known, n=1, cutoff=0.0)
    return f"unknown item {cited!r}; did you mean {nearest!r}?"

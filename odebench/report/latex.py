"""A report as LaTeX tables: for a paper, to be read by ``\\input``."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from odebench.report.labels import Labels, backend
from odebench.report.summary import summary

if TYPE_CHECKING:
    from odebench.record import Record
    from odebench.report.document import Document
    from odebench.report.sheets import Sheet

LONG = 40
"""Rows that a page holds: a table of more is a longtable."""
_WORDS = 100  # characters of a name or a reason that are shown
_LETTERS = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", "`": r"\textasciigrave{}", "[": "{[}", "]": "{]}", "*": "{*}", "–": "--", "—": "---",
    "…": r"\dots{}", "×": r"$\times$", "∝": r"$\propto$", "≤": r"$\leq$", "≥": r"$\geq$", "µ": r"$\mu$",
    "±": r"$\pm$", "∞": r"$\infty$", "²": r"\textsuperscript{2}", "·": r"$\cdot$",
}  # fmt: skip


def latex(document: Document) -> str:
    """Tables with captions and labels. What reads them loads booktabs, and longtable for those of several pages; one
    of many columns wants a page across.
    """
    growth = [_sheet(document, sheet) for sheet in document.sheets]
    tables = [table for table in (_summary(document), _failed(document), *growth, _claims(document)) if table.rows]
    needs = "booktabs, longtable" if any(len(table.rows) > LONG for table in tables) else "booktabs"
    said = [f"odebench: {document.title}", f"needs: {needs}", *document.problems]
    for run in document.runs:
        said += [f"{run.name}: {run.command}", *run.notes]
    lines = [f"% {' '.join(line.split())}" for line in said]
    for table in tables:
        lines += ["", *table.lines()]
    return "\n".join(lines) + "\n"


def text(words: object, limit: int = _WORDS) -> str:
    """Words on one line of which no letter is a command, in letters that every LaTeX can set."""
    line = " ".join(str(words).split())
    line = line if len(line) <= limit else f"{line[: limit - 1]}…"
    return "".join(_letter(this, following) for this, following in pairwise(f"{line} ")) if line else ""


@dataclass(frozen=True)
class _Table:
    """:param columns: of the header, as they stand in the text, each with its letter (``l``, ``r``, ``p{…}``).
    :param rows: lines, their ends included.
    """

    label: str
    caption: str
    columns: Sequence[tuple[str, str]]
    rows: Sequence[str]

    def lines(self) -> list[str]:
        style = r"\footnotesize\setlength{\tabcolsep}{4pt}"
        if len(self.columns) > 8:
            style = r"\scriptsize\setlength{\tabcolsep}{3pt}"
        caption = rf"\caption{{{self.caption}}}\label{{tab:odebench-{self.label}}}"
        letters = "".join(letter for _, letter in self.columns)
        header = [r"\toprule", _row(title for title, _ in self.columns), r"\midrule"]
        if len(self.rows) <= LONG:
            return [
                r"\begin{table}", r"\centering", style, caption, rf"\begin{{tabular}}{{{letters}}}", *header,
                *self.rows, r"\bottomrule", r"\end{tabular}", r"\end{table}",
            ]  # fmt: skip
        return [
            rf"{{{style}", rf"\begin{{longtable}}{{{letters}}}", rf"{caption}\\", *header, r"\endfirsthead", *header,
            r"\endhead", r"\bottomrule", r"\endfoot", *self.rows, r"\end{longtable}}",
        ]  # fmt: skip


def _letter(letter: str, following: str) -> str:
    if letter in _LETTERS:
        return _LETTERS[letter]
    if letter == following == "-":
        return "-{}"  # two in a row would be a dash
    if " " <= letter <= "~" or (letter <= "ž" and "a" <= unicodedata.normalize("NFD", letter)[0].lower() <= "z"):
        return letter
    return f"{{[}}U+{ord(letter):04X}{{]}}"


def _row(cells: Iterable[str]) -> str:
    return " & ".join(cells) + r" \\"


def _stacked(title: str) -> str:
    """A column's title on two lines, as on a terminal."""
    lines = r" \\ ".join(text(line) for line in title.splitlines())
    return rf"\shortstack[r]{{{lines}}}"


def _label(document: Document, kind: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", f"{document.title[:60]}-{kind}".lower()).strip("-")


def _runs(document: Document) -> list[tuple[str, str]]:
    """The column that says which run a cell is of, where there are several."""
    return [("run", "l")] * (len(document.runs) > 1)


def _of_run(document: Document, record: Record) -> list[str]:
    return [text(record.config.get("run", "")) for _ in _runs(document)]


def _summary(document: Document) -> _Table:
    found = summary(document.records, document.columns)
    accuracies, failures = found.several_accuracies, bool(document.failed)
    columns = [*_runs(document), ("row", "l"), ("backend", "l"), *[("accuracy", "l")] * accuracies]
    columns += [(_stacked(column.title), "r") for column in found.columns]
    columns += [("status", "l")] * failures
    rows: list[str] = []
    before = None
    for row in found.rows:
        task = row.record.config["task"]
        figures = [rf"\textbf{{{text(f.text)}}}" if f.best else text(f.text) for f in row.figures]
        who = [
            *_of_run(document, row.record),
            text(row.name, 40),
            text(row.backend),
            *[text(row.accuracy)] * accuracies,
        ]
        start = "\\midrule\n" if before not in (None, task) else ""
        rows.append(start + _row([*who, *figures, *[text(row.record.status)] * failures]))
        before = task
    caption = f"{text(document.title)}: in bold the best of each column among the rivals on a task."
    return _Table(_label(document, "summary"), caption, columns, rows)


def _failed(document: Document) -> _Table:
    labels = Labels(document.records)
    columns = [*_runs(document), ("row", "l"), ("backend", "l"), ("status", "l"), ("reason", r"p{0.4\linewidth}")]
    rows = [
        _row([*_of_run(document, r), text(labels.row(r)), text(backend(r)), text(r.status), text(r.reason, 300)])
        for r in document.failed
    ]
    return _Table(_label(document, "failed"), f"{text(document.title)}: cells that did not end well.", columns, rows)


def _sheet(document: Document, sheet: Sheet) -> _Table:
    words = len(sheet.columns) - sheet.figures
    columns = [(title, "l" if i < words else "r") for i, title in enumerate(sheet.columns)]
    caption = f"{text(document.title)}: {text(sheet.title)}. {text(sheet.below, 800)}"
    return _Table(_label(document, sheet.name), caption, columns, [_row(list(map(text, row))) for row in sheet.rows])


def _claims(document: Document) -> _Table:
    rows = []
    for one in document.claims:
        name = one.filed.name if one.claim.number is None else one.claim.number
        rows.append(_row([text(name), text(one.claim.statement, 300), text(f"{one.verdict}{one.share}")]))
    columns = [("claim", "l"), ("statement", r"p{0.5\linewidth}"), ("verdict", "l")]
    return _Table(_label(document, "claims"), f"{text(document.title)}: claims and their verdicts.", columns, rows)

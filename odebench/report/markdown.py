"""A report as GitHub's Markdown: for a pull request or an issue."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from odebench.claims.table import summary as counted
from odebench.report.labels import Labels, backend, plain
from odebench.report.summary import summary

if TYPE_CHECKING:
    from odebench.claims.verdict import Judged
    from odebench.record import Record
    from odebench.report.document import Document
    from odebench.report.sheets import Sheet
    from odebench.stored import StoredRun

LIMIT = 65_536
"""Characters that a comment on GitHub may have."""
_SHARE = LIMIT // 8  # of what each part but the summary may take
_WORDS = 160  # characters of a name or a reason that are shown
_SPECIAL = re.compile(r"[\\`*\[\]~$|]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|^[-+#=]|^\d(?=\d*[.)](?: |$))")
_LINKED = re.compile(r"(?<=[@#])(?=\w)|(?<=:)(?=//|[\w+-]+:)|(?<=www)(?=\.)", re.IGNORECASE)


def markdown(document: Document) -> str:
    """No more than :data:`LIMIT` characters: what does not fit is left out at the end of its table, which is said."""
    runs = [line for run in document.runs for line in _run(run)]
    head = [f"## odebench: {text(document.title)}", "", *_bullets([text(one) for one in document.problems]), *runs]
    tables = [_failed(document), *map(_sheet, document.sheets), _claims(document)]
    tail = [line for table in tables if table.rows for line in table.lines(_SHARE)]
    tail += _bullets(dict.fromkeys(_environment(run) for run in document.runs))
    room = LIMIT - sum(len(line) + 1 for line in head + tail)
    return "\n".join([*head, *_summary(document).lines(room), *tail]).rstrip() + "\n"


def text(words: object, limit: int = _WORDS) -> str:
    """Words on one line that mean nothing to Markdown, HTML or GitHub, be they in a table or not."""
    line = _LINKED.sub("\N{WORD JOINER}", _line_of(words, limit))
    return _SPECIAL.sub(lambda found: f"&#{ord(found[0])};", escape(line, quote=False))


def code(words: object, limit: int = _WORDS) -> str:
    """The same as code; nothing where there are no words."""
    line = _line_of(words, limit)
    if re.search(r"[`|\\]", line):
        return f"<code>{text(words, limit)}</code>"
    return f"`{line}`" if line else ""


@dataclass(frozen=True)
class _Table:
    """:param rows: of cells as they stand in the text.
    :param figures: how many of the columns, from the right, are figures.
    :param folded: whether it is shown at a click alone.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    figures: int = 0
    folded: bool = False
    below: str = ""

    def lines(self, limit: int) -> list[str]:
        """As many rows as the limit of characters allows, and how many more there are."""
        words = len(self.columns) - self.figures
        opening = ["<details>", f"<summary>{self.title}</summary>", ""] if self.folded else [f"### {self.title}", ""]
        closing = ["", *([self.below, ""] if self.below else []), *(["</details>", ""] if self.folded else [])]
        header = [_line(self.columns), _line(["---"] * words + ["--:"] * self.figures)]
        left = limit - sum(len(line) + 1 for line in (*opening, *header, *closing)) - 120
        rows: list[str] = []
        for row in self.rows:
            line = _line(row)
            left -= len(line) + 1
            if left < 0:
                break
            rows.append(line)
        if more := len(self.rows) - len(rows):
            note = f"*{more} of {len(self.rows)} rows are left out: a comment holds {LIMIT:,} characters.*"
            closing = ["", note, *closing]
        return [*opening, *header, *rows, *closing]


def _line_of(words: object, limit: int) -> str:
    line = plain(str(words)[:2_000])
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _bullets(lines: Iterable[str]) -> list[str]:
    found = [f"- {line}" for line in lines]
    return [*found, ""] if found else []


def _run(run: StoredRun) -> list[str]:
    ends = Counter(str(record.status) for record in run.records)
    cells = ", ".join(f"{count} {status}" for status, count in ends.items()) or "none"
    first = f"**{text(run.name)}**, preset {text(run.preset)}, cells: {cells}. {code(run.command, 500)}"
    return _bullets([first.rstrip(), *(text(note, 500) for note in run.notes)])


def _summary(document: Document) -> _Table:
    found = summary(document.records, document.columns)
    accuracies = found.several_accuracies
    columns = [
        *_runs(document),
        "row",
        "backend",
        *["accuracy"] * accuracies,
        *(text(c.heading) for c in found.columns),
        "status",
    ]
    rows = []
    for row in found.rows:
        figures = [f"**{text(f.text)}**" if f.best else text(f.text) for f in row.figures]
        who = [*_of_run(document, row.record), text(row.name), code(row.backend), *[text(row.accuracy)] * accuracies]
        rows.append([*who, *figures, str(row.record.status)])
    best = "In bold: the best of its column among the rivals on its task." if any(c.best for c in found.columns) else ""
    return _Table("Summary", columns, rows, len(found.columns) + 1, below=best)


def _failed(document: Document) -> _Table:
    labels = Labels(document.records)
    rows = [
        [
            *_of_run(document, record),
            text(labels.row(record)),
            code(backend(record)),
            str(record.status),
            code(record.reason),
        ]
        for record in document.failed
    ]
    title = f"{len(rows)} cells did not end well"
    return _Table(title, [*_runs(document), "row", "backend", "status", "reason"], rows, folded=True)


def _runs(document: Document) -> list[str]:
    """The column that says which run a cell is of, where there are several."""
    return ["run"] * (len(document.runs) > 1)


def _of_run(document: Document, record: Record) -> list[str]:
    return [text(record.config.get("run", "")) for _ in _runs(document)]


def _sheet(sheet: Sheet) -> _Table:
    rows = [
        [code(word) if column in sheet.names else text(word) for column, word in zip(sheet.columns, row, strict=True)]
        for row in sheet.rows
    ]
    return _Table(sheet.title, sheet.columns, rows, sheet.figures, below=text(sheet.below, 800))


def _claims(document: Document) -> _Table:
    rows = [[_statement(one), f"**{one.verdict}**{one.share}", _figures(one)] for one in document.claims]
    return _Table("Claims", ["claim", "verdict", "figures"], rows, below=f"{counted(document.claims)}.")


def _statement(one: Judged) -> str:
    return text(f"{one.filed.name if one.claim.number is None else one.claim.number}: {one.claim.statement}", 300)


def _figures(one: Judged, most: int = 3) -> str:
    known = [row for row in one.rows if row.seeds]
    words = [f"{row.group} {row.estimate:.3g} (must be {row.check.rule})".strip() for row in known[:most]]
    return text("; ".join(words + [f"{len(known) - most} more"] * (len(known) > most)), 400)


def _environment(run: StoredRun) -> str:
    known = run.environment
    packages, commit = known.get("packages"), known.get("odebench_git")
    used = {record.config.get(key) for record in run.records for key in ("framework", "library")} | {"numpy"}
    versions = packages.items() if isinstance(packages, dict) else ()
    parts = [
        known.get("cpu"),
        known.get("cores") and f"{known['cores']} cores",
        known.get("platform"),
        known.get("python") and f"Python {known['python']}",
        *(f"{name} {version}" for name, version in versions if name.replace("-", "_") in used),
        f"odebench at {str(commit.get('commit'))[:10]}" if isinstance(commit, dict) else "",
    ]
    return f"Measured on: {text(', '.join(str(part) for part in parts if part) or 'not known', 500)}."

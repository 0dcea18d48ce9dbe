"""A comparison as Markdown, for a pull request, and as JSON, for programs."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from typing import Any

from odebench.compare.comparison import Comparison
from odebench.compare.gate import Failure
from odebench.compare.metrics import Kind
from odebench.compare.sides import Cell, Side
from odebench.compare.verdict import Row, Verdict
from odebench.compare.words import clock, headline, incomparable, number, ratio, runs
from odebench.report.markdown import text as _escaped

LIMIT = 65_000
"""Characters: a comment on GitHub holds 65,536."""
_ENTRY = 300
"""Characters of one cell of a table."""


def markdown(comparison: Comparison, failed: Sequence[Failure]) -> str:
    """What regressed in sight, all else folded; no longer than :data:`LIMIT`, and it says what was cut."""
    head = [f"### odebench: {_text(comparison.a.name)} → {_text(comparison.b.name)}", ""]
    head += [f"**{headline(comparison)}**" + (f" · {len(failed):,} fail" if failed else ""), ""]
    head += _table(
        ("metrics of", *(str(verdict) for verdict in Verdict)),
        [(place, *(f"{count[v]:,}" for v in Verdict)) for place, count in comparison.counts.items()],
    )
    by_verdict = {v: [row for row in comparison.rows if row.verdict is v] for v in Verdict}
    sections = [
        ("Regressed", _rows(comparison, by_verdict[Verdict.regressed])),
        ("Runs, versions, drift", [f"- {_text(line)}" for line in _about(comparison)]),
        ("Improved", _rows(comparison, by_verdict[Verdict.improved])),
        ("Not comparable", _reasons(by_verdict[Verdict.incomparable])),
        ("Gone", _cells(comparison, comparison.gone)),
        ("Added", _cells(comparison, comparison.added)),
    ]
    text = "\n".join(head) + "\n"
    for i, (title, lines) in enumerate(section for section in sections if section[1]):
        # Each section may have half of what is left, so that none shuts the next ones out.
        text += _folded(title, lines, (LIMIT - len(text)) // 2, is_open=i == 0 and title == "Regressed")
    return text


def _folded(title: str, lines: Sequence[str], room: int, is_open: bool) -> str:
    frame = f"<details{' open' if is_open else ''}><summary>{title}</summary>\n\n", "\n</details>\n\n"
    room -= len(frame[0]) + len(frame[1]) + 60
    kept: list[str] = []
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            break
        kept.append(line)
    cut = [] if len(kept) == len(lines) else ["", f"… and {len(lines) - len(kept):,} more lines"]
    return frame[0] + "\n".join([*kept, *cut]) + frame[1]


def _about(comparison: Comparison) -> list[str]:
    lines = [*runs(comparison), *comparison.versions]
    if comparison.others:
        lines.append(f"other packages: {', '.join(comparison.others)}")
    return [*lines, *map(clock, comparison.clocks), *comparison.notes, *comparison.unmatched]


def _rows(comparison: Comparison, rows: Sequence[Row]) -> list[str]:
    lines = []
    for row in rows:
        cell = comparison.name(row.record)
        if row.metric.kind is Kind.status:
            lines.append((cell, row.name, row.reason, "", ""))
        else:
            lines.append((cell, row.name, number(row, row.old), number(row, row.new), ratio(row)))
    return _table(("cell", "metric", "A", "B", "B/A"), lines, "llrrr") if lines else []


def _reasons(rows: Sequence[Row]) -> list[str]:
    found = [(place, metrics, f"{n:,}", reason) for place, metrics, reason, n in incomparable(rows)]
    return _table(("suite", "metrics", "how many", "why"), found, "llrl") if found else []


def _cells(comparison: Comparison, cells: Sequence[Cell]) -> list[str]:
    return [f"- {_text(comparison.name(cell.record))}" for cell in cells]


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]], align: str = "") -> list[str]:
    align = align or "l" + "r" * (len(titles) - 1)
    rule = ["---:" if side == "r" else "---" for side in align]
    return [_line(titles), _line(rule), *(_line([_text(cell) for cell in row]) for row in rows), ""]


def _text(words: str) -> str:
    return _escaped(words, _ENTRY)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def as_json(comparison: Comparison, failed: Sequence[Failure], everything: bool = False) -> str:
    """What is no number is null, infinity a string.

    :param everything: rows of what is the same, too.
    """
    rows = [row for row in comparison.rows if everything or row.verdict is not Verdict.same]
    return json.dumps(
        {
            "a": _side(comparison.a),
            "b": _side(comparison.b),
            "compared": [{"a": a.origin, "b": b.origin} for a, b in comparison.taken],
            "differs": list(comparison.versions),
            "differs_besides": list(comparison.others),
            "notes": [*comparison.notes, *comparison.unmatched],
            "drift": [
                {
                    "suite": one.place,
                    "ratio": one.whole.ratio,
                    "least": one.least,
                    "most": one.most,
                    "scatter": one.whole.scatter,
                    "times": one.whole.count,
                    "told_beyond": math.exp(one.whole.band),
                }
                for one in comparison.clocks
            ],
            "cells": {
                "both": len(comparison.joined.pairs),
                "added": [_cell(comparison, cell) for cell in comparison.joined.added],
                "gone": [_cell(comparison, cell) for cell in comparison.joined.gone],
            },
            "counts": {place: {str(v): count[v] for v in Verdict} for place, count in comparison.counts.items()},
            "rows": [_row(comparison, row) for row in rows],
            "failed": [{"condition": str(one.condition), "what": one.text} for one in failed],
        },
        indent=2,
        allow_nan=False,
    )


def _side(side: Side) -> dict[str, Any]:
    return {"name": side.name, "runs": [{"suite": run.place, "from": run.origin} for run in side.runs]}


def _cell(comparison: Comparison, cell: Cell) -> dict[str, Any]:
    return {"hash": cell.record.hash, "suite": cell.run.place, "cell": comparison.name(cell.record)}


def _row(comparison: Comparison, row: Row) -> dict[str, Any]:
    record = row.record
    return {
        "verdict": str(row.verdict),
        "hash": record.hash,
        "suite": row.place,
        "cell": comparison.name(record),
        **{key: record.config.get(key) for key in ("task", "backend", "rtol", "num_steps", "seed")},
        "metric": row.name,
        "kind": str(row.metric.kind),
        **{key: _finite(getattr(row, key)) for key in ("old", "new", "ratio", "low", "high", "drift")},
        "reason": row.reason,
    }


def _finite(value: float) -> float | str | None:
    return value if math.isfinite(value) else None if math.isnan(value) else str(value)

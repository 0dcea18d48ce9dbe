"""Claims and what became of them: on a terminal, as Markdown, as JSON."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from itertools import groupby

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from odebench.claims.verdict import Judged, Row, Verdict

WIDTH = 120
STYLES = {Verdict.holds: "bold green", Verdict.fails: "bold red", Verdict.open: "bold yellow"}


def summary(judged: Sequence[Judged]) -> str:
    count = Counter(one.verdict for one in judged)
    return f"{len(judged)} claims: " + ", ".join(f"{verdict} {count[verdict]}" for verdict in Verdict)


def print_claims(judged: Sequence[Judged], console: Console, verbose: bool = False) -> None:
    """A block a claim, and at the end a line a claim.

    :param verbose: show the statistic of every seed, too.
    """
    console = console if console.is_terminal else Console(width=WIDTH, file=console.file)
    for one in judged:
        console.print(_headline(one))
        console.print(_indented(Text(_origin(one))))
        for rows in _by_check(one):
            run = f"  {rows[0].run}" if rows[0].run else ""
            console.print(_indented(Text.assemble(f"{rows[0].check.says}: {rows[0].check.rule}", (run, "dim"))))
            console.print(_indented(_rows(rows, verbose), 4))
        if one.claim.later:
            console.print(_indented(Text(f"Later: {one.claim.later}", style="italic")))
        console.print(Text(f"  {one.filed.command}\n", style="dim"), soft_wrap=True)
    for one in judged if len(judged) > 1 else ():
        console.print(_headline(one), no_wrap=True, overflow="ellipsis")
    console.print(summary(judged))


def markdown(judged: Sequence[Judged]) -> str:
    lines = [summary(judged) + ".", ""]
    for one in judged:
        lines += [f"## {_title(one)}", "", f"**{one.verdict}**{one.share} · {_origin(one)}", ""]
        lines += ["| what | of | figure | must be | seeds | verdict | run |", "|---|---|---:|---|---:|---|---|"]
        for row in one.rows:
            verdict = " ".join(filter(None, [row.verdict, _remark(row)]))
            cells = (
                row.check.says,
                row.group,
                _figure(row),
                str(row.check.rule),
                str(len(row.seeds) or ""),
                verdict,
                row.run,
            )
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
        if one.claim.later:
            lines += ["", f"Later: {one.claim.later}"]
        lines += ["", f"`{one.filed.command}`", ""]
    return "\n".join(lines)


def as_json(judged: Sequence[Judged]) -> str:
    """A list of claims; what is no number is null, infinity a string."""
    return json.dumps([_plain(one) for one in judged], indent=2, ensure_ascii=False)


def _plain(one: Judged) -> dict[str, object]:
    claim = one.claim
    return {
        "claim": one.filed.name,
        **claim.model_dump(include={"number", "statement", "source", "documents", "later"}),
        "verdict": one.verdict,
        "command": one.filed.command,
        "rows": [
            {
                "check": row.check.says,
                "statistic": row.check.statistic,
                "rule": str(row.check.rule),
                "group": row.group,
                "verdict": row.verdict,
                "reason": row.reason,
                "left_out": row.left_out,
                "estimate": _finite(row.estimate),
                "low": _finite(row.low),
                "high": _finite(row.high),
                "seeds": {seed: _finite(value) for seed, value in row.seeds.items()},
                "run": row.run,
            }
            for row in one.rows
        ],
    }


def _finite(value: float) -> float | str | None:
    return value if math.isfinite(value) else None if math.isnan(value) else str(value)


def _headline(one: Judged) -> Text:
    return Text.assemble((one.verdict, STYLES[one.verdict]), f"{one.share}: ", (_title(one), "bold"))


def _title(one: Judged) -> str:
    return f"{one.filed.name if one.claim.number is None else one.claim.number}. {one.claim.statement}"


def _origin(one: Judged) -> str:
    documents = "; ".join(one.claim.documents)
    return one.claim.source + (f" · documents {documents}" if documents else "")


def _by_check(one: Judged) -> list[list[Row]]:
    return [list(rows) for _, rows in groupby(one.rows, key=lambda row: id(row.check))]


def _indented(what: Text | Table, by: int = 2) -> Padding:
    return Padding(what, (0, 0, 0, by), expand=False)


def _rows(rows: Sequence[Row], verbose: bool) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    for justify in ("left", "right", "left", "left"):
        table.add_column(justify=justify, overflow="fold")
    for row in rows:
        seeds = f"n = {len(row.seeds)}" if row.seeds else ""
        if verbose and len(row.seeds) > 1:
            seeds += ": " + ", ".join(f"{value:.3g}" for value in row.seeds.values())
        verdict = Text(row.verdict, style=STYLES[row.verdict])
        remark = _remark(row)
        table.add_row(row.group, _figure(row), seeds, Text.assemble(verdict, f" {remark}" if remark else ""))
    return table


def _figure(row: Row) -> str:
    if not row.seeds:
        return ""
    interval = "" if row.low == row.high else f" [{row.low:.3g}, {row.high:.3g}]"
    return f"{row.estimate:.3g}{interval}"


def _remark(row: Row) -> str:
    parts = [row.reason] if row.reason else []
    if row.left_out and row.left_out != row.reason:
        parts.append(f"left out: {row.left_out}")
    return f"({'; '.join(parts)})" if parts else ""

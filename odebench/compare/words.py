"""A comparison in words: figures, ratios, and groups of what is not comparable for one reason."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from odebench.compare.comparison import Comparison
from odebench.compare.judge import Clock
from odebench.compare.metrics import Kind
from odebench.compare.verdict import Row, Verdict


def number(row: Row, value: float) -> str:
    """A figure with its unit."""
    if math.isnan(value):
        return "–"
    if row.name.endswith("_s"):
        return f"{1e3 * value:.3g} ms" if abs(value) < 1 else f"{value:.3g} s"
    if row.name.endswith("_bytes"):
        return f"{value / 1e6:.4g} MB" if abs(value) >= 1e6 else f"{value:,.0f} B"
    if math.isfinite(value) and value == int(value) and abs(value) < 1e15:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def ratio(row: Row) -> str:
    """``×1.2 [1.1, 1.3]``; the difference where a ratio says nothing; empty of a status."""
    if row.metric.kind is Kind.status or math.isnan(row.new - row.old):
        return ""
    if math.isnan(row.ratio):
        return "" if row.old == row.new else f"{row.new - row.old:+.3g}"
    interval = "" if math.isnan(row.low) else f" [{row.low:.3g}, {row.high:.3g}]"
    close = row.ratio != 1 and abs(row.ratio - 1) < 5e-4
    return (f"{100 * (row.ratio - 1):+.2g}%" if close else f"×{row.ratio:.4g}") + interval


def change(row: Row) -> str:
    """``38 → 46 (×1.211)``, or what became of a status."""
    if row.metric.kind is Kind.status:
        return row.reason
    said = ratio(row)
    return f"{number(row, row.old)} → {number(row, row.new)}" + (f" ({said})" if said else "")


def runs(comparison: Comparison) -> list[str]:
    """The runs that were compared, a pair a line."""
    lines = []
    for a, b in comparison.taken:
        places = a.place if a.place == b.place else f"{a.place} against {b.place}"
        lines.append(f"{places}: {a.origin} → {b.origin}")
    return lines


def clock(one: Clock) -> str:
    """How the machine drifted between two runs, and what a time must therefore differ by."""
    told = math.exp(one.whole.band)
    if not one.whole.is_known:
        return f"{one.place}: too few times to tell the machine's drift; beyond ×{told:.2f} is another time"
    spread = "" if one.least == one.most else f" (×{one.least:.2f} to ×{one.most:.2f} by group of rivals)"
    scatter = 100 * math.expm1(one.whole.scatter)
    return (
        f"{one.place}: times of B are ×{one.whole.ratio:.2f} of A's{spread} and scatter by {scatter:.0f}%; "
        f"beyond ×{told:.2f} is another time"
    )


def shown(rows: Iterable[Row]) -> list[Row]:
    """What is listed one by one: what is worse, then what is better."""
    return [row for row in rows if row.verdict in (Verdict.regressed, Verdict.improved)]


def incomparable(rows: Iterable[Row]) -> list[tuple[str, str, str, int]]:
    """What is not comparable, by reason: ``(suite/preset, metrics, reason, how many)``."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row.verdict is Verdict.incomparable:
            found.setdefault((row.place, row.reason), []).append(row)
    return [
        (place, ", ".join(dict.fromkeys(row.name for row in group)), reason, len(group))
        for (place, reason), group in sorted(found.items())
    ]


def counted(counts: Sequence[tuple[str, int]]) -> str:
    return ", ".join(f"{n:,} {what}" for what, n in counts if n)


def headline(comparison: Comparison) -> str:
    """``39 cells: 2 regressed, 700 same; 1 added, 3 gone``."""
    total = {verdict: sum(one[verdict] for one in comparison.counts.values()) for verdict in Verdict}
    cells = counted([("added", len(comparison.added)), ("gone", len(comparison.gone))])
    metrics = counted([(str(verdict), n) for verdict, n in total.items()])
    both = f"{len(comparison.joined.pairs):,} cells in both: {metrics or 'nothing'}"
    return f"{both}; cells {cells}" if cells else both

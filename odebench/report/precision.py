"""Work–precision: what each backend pays for the same *achieved* error, whatever tolerance it took."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from odebench.record import CellStatus, Record
from odebench.report.labels import Labels

COSTS = {
    "forward_error": {"NFE": "nfe_forward", "ms": "forward_s"},
    "gradient_error": {"NFE": "nfe_total", "VJPs": "vjps", "ms": "forward_backward_s", "MB": "memory_bytes"},
}
"""For each error the costs that buy it: ``nfe_total`` is of both passes."""


@dataclass(frozen=True)
class Curve:
    """One backend's cells on one task, which differ in tolerance or number of steps.

    :param points: ``(error, costs)``, the cheapest first.
    :param failed: how many cells did not end well; none of those that were skipped.
    """

    task: str
    name: str
    points: Sequence[tuple[float, dict[str, float]]]
    failed: int

    def cost(self, target: float) -> tuple[dict[str, float], str] | None:
        """What the target costs, between two cells by a power law: the dearest that misses it and the next, for a
        cheaper one that reaches it does so by luck. None when the dearest cell misses it.

        The mark is ``"<"`` where the cheapest cell is already better, so that less might do.
        """
        missing = [i for i, (error, _) in enumerate(self.points) if error > target]
        first = missing[-1] + 1 if missing else 0
        if first == len(self.points):
            return None
        error, costs = self.points[first]
        if first == 0:
            return costs, "<"
        before, less = self.points[first - 1]
        part = math.log(before / target) / math.log(before / error) if error > 0 else 1.0
        return {k: _between(less[k], costs[k], part) for k in costs.keys() & less.keys()}, ""

    @property
    def best(self) -> float:
        return min((error for error, _ in self.points), default=math.nan)


def curves(records: Iterable[Record], error: str) -> list[Curve]:
    """A curve for each task, backend, run, device, dtype, seed and further options, in the records' order."""
    groups: dict[tuple[str, str], list[Record]] = {}
    records = list(records)
    labels = Labels(records)
    for record in records:
        groups.setdefault((record.config["task"], labels.label(record)), []).append(record)
    return [_curve(task, name, error, cells) for (task, name), cells in groups.items()]


def _curve(task: str, name: str, error: str, cells: Sequence[Record]) -> Curve:
    points = []
    for record in cells:
        value = reported_error(record, error)
        costs = _costs(record, error)
        if record.status is CellStatus.ok and math.isfinite(value) and costs:
            points.append((value, costs))
    points.sort(key=lambda point: next(iter(point[1].values())))
    return Curve(task, name, points, sum(r.status not in (CellStatus.ok, CellStatus.skipped) for r in cells))


def reported_error(record: Record, error: str) -> float:
    """An error, but no less than how far the references are apart; NaN where there is none."""
    value = record.metrics.get(error, math.nan)
    limit = record.metrics.get(f"reference_{error.replace('_error', '_agreement')}", 0.0)
    return max(value, limit) if math.isfinite(value) else math.nan


def _costs(record: Record, error: str) -> dict[str, float]:
    metrics = dict(record.metrics)
    metrics["nfe_total"] = metrics.get("nfe_forward", math.nan) + metrics.get("nfe_backward", math.nan)
    return {title: metrics[name] for title, name in COSTS[error].items() if math.isfinite(metrics.get(name, math.nan))}


def _between(low: float, high: float, part: float) -> float:
    if low <= 0 or high <= 0:
        return low + part * (high - low)
    return math.exp(math.log(low) + part * (math.log(high) - math.log(low)))

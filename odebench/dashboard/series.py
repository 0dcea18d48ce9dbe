"""A run's records as series that a dashboard follows over commits: a metric of a task, a table over its cells."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from statistics import quantiles
from typing import Any

from odebench.compare.metrics import metric as what_is
from odebench.record import CellStatus, Record
from odebench.stats import median_interval

AXES = ("backend", "accuracy", "configuration")

Point = tuple[str, ...]
Figures = dict[str, float | None]
"""``result``, None for a cell that failed; and of a time ``ci_99_a``, ``ci_99_b``, ``q_25``, ``q_75``, ``number`` and
``repeat``, as asv has them."""

_UNITS = (
    ("nfe_*", "evaluations"),
    ("vjps", "products"),
    ("jvps", "products"),
    ("products_*", "products"),
    ("accepted", "steps"),
    ("rejected", "steps"),
    ("solved_size", "numbers"),
    ("past_end", "of the span"),
    ("overhead", "times the bare cost"),
    ("host_syncs*", "reads"),
    ("*_bytes", "bytes"),
    ("*_s", "seconds"),
    ("forward_error", "relative"),
    ("gradient_error*", "relative"),
)
_LEFT_OUT = {
    "claimed_nfe": "nfe_forward is counted",
    "first_call_s": "taken once in every cell, on a busy machine, too; compile_s is the figure",
}


_LIKE = str.maketrans('<>&"', "‹›＆″")


def harmless(text: str) -> str:
    """A name as asv may have it, whose page takes every name for HTML."""
    return text.translate(_LIKE)


def unit(metric: str) -> str:
    """The unit of a metric that is the better the lower it is; empty for every other, which asv could only misread."""
    if metric in _LEFT_OUT or what_is(metric).better >= 0:
        return ""
    return next((unit for pattern, unit in _UNITS if fnmatchcase(metric, pattern)), "unit")


@dataclass
class Series:
    """A metric of a task at one commit.

    :param points: along :data:`AXES`; cells that were skipped, or do not have the metric, are not there.
    :param version: the digest of the task; None where the run does not tell.
    """

    version: str | None
    points: dict[Point, Figures] = field(default_factory=dict)

    def merged(self, newer: Series) -> Series:
        """Both, the newer where both know a cell; the newer alone where the task has changed in between."""
        if None not in (self.version, newer.version) and self.version != newer.version:
            return newer
        return Series(newer.version or self.version, self.points | newer.points)


def series(records: Iterable[Record], versions: dict[str, str], known: Iterable[str] = ()) -> dict[str, Series]:
    """The series of a run by name, ``suite.task.metric``.

    :param versions: the digest of each task, of those of which it is known.
    :param known: names of series that there are already: of a task of which no cell ended well, these have failed.
    """
    by_task: dict[str, list[Record]] = {}
    for record in records:
        by_task.setdefault(prefix(record.config), []).append(record)
    found: dict[str, Series] = {}
    for name, cells in by_task.items():
        ended = {metric for cell in cells if cell.status is CellStatus.ok for metric in cell.metrics if unit(metric)}
        before = {one.removeprefix(name) for one in known if one.startswith(name)}
        for metric in sorted(ended or {one for one in before if unit(one)}):
            found[name + metric] = _of_metric(cells, metric, versions.get(cells[0].config["task"]))
    return {name: one for name, one in found.items() if one.points}


def prefix(config: dict[str, Any]) -> str:
    """``suite.task.``, the suite's name once."""
    suite, task = config["suite"], config["task"]
    return harmless(f"{suite}.{task.removeprefix(suite + '/')}.".replace("/", "."))


def _of_metric(cells: list[Record], metric: str, version: str | None) -> Series:
    found = Series(version)
    for cell in cells:
        point = tuple(repr(harmless(value)) for value in coordinates(cell.config))
        if cell.status is CellStatus.ok and metric in cell.metrics:
            number = cell.metrics[metric]
            samples = cell.samples.get(metric.removesuffix("_s"), [])
            spread = _spread(samples) if len(samples) > 1 else {}
            found.points[point] = {"result": number if math.isfinite(number) else None, **spread}
        elif cell.status not in (CellStatus.ok, CellStatus.skipped):
            found.points[point] = {"result": None}
    return found


def coordinates(config: dict[str, Any]) -> tuple[str, str, str]:
    """Where a cell is in its task's tables. All that it was configured with is in there, so that no two cells meet."""
    if config.get("num_steps") is not None:
        accuracy = f"steps {config['num_steps']}"  # asv opens on the first value: tolerances sort before
    elif config.get("rtol") is not None:
        accuracy = f"rtol {config['rtol']:g}, atol {config['atol']:g}"
    else:
        accuracy = "no solver"
    options = config.get("options", {}) | config.get("solve", {})
    words = [config["dtype"], *(f"{name}={value}" for name, value in sorted(options.items()))]
    words += [f"seed={config['seed']}"] if config["seed"] else []
    return config["backend"], accuracy, ", ".join(words)


def _spread(samples: list[float]) -> Figures:
    """asv weighs a point by its 99 % interval, which few samples leave unbounded."""
    enough = 0.5 ** (len(samples) - 1) <= 0.01
    low, high = median_interval(samples, 0.99) if enough else (-math.inf, math.inf)
    q_25, _, q_75 = quantiles(samples, n=4, method="inclusive")
    return {"ci_99_a": low, "ci_99_b": high, "q_25": q_25, "q_75": q_75, "number": 1, "repeat": len(samples)}

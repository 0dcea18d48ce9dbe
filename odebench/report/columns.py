"""The columns of a run's table: what each shows, how, and which figure is the best."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from odebench.descriptors import PARTS
from odebench.record import CellStatus, Record


@dataclass(frozen=True)
class Column:
    """A column of figures.

    :param metrics: what it shows, joined by slashes; the first one decides which row is best.
    :param best: whether the smallest figure is marked.
    :param limit: a metric below which the figure means nothing: how far two references are apart.
    """

    title: str
    metrics: tuple[str, ...]
    format: Callable[[float], str]
    best: bool = True
    limit: str = ""

    @property
    def heading(self) -> str:
        """The title on one line."""
        return self.title.replace("-\n", "").replace("\n", " ")


def percent(value: float) -> str:
    return f"{100 * value:.1f}%"


def whole_percent(value: float) -> str:
    """Without its sign: many stand side by side."""
    return f"{100 * value:.0f}"


def count(value: float) -> str:
    return f"{value:,.0f}"


def milliseconds(value: float) -> str:
    return f"{1e3 * value:.3g}" if value < 1 else f"{1e3 * value:.0f}"


def seconds(value: float) -> str:
    return f"{value:.1f}" if value >= 1 else f"{value:.2g}"


def megabytes(value: float) -> str:
    return f"{value / 1e6:.3g}"


def ratio(value: float) -> str:
    return f"{value:.2f}"


def digits(value: float) -> str:
    return f"{value:.4g}"


def scientific(value: float) -> str:
    return f"{value:.1e}".replace("e-0", "e-").replace("e+00", "") if value else "0"


COLUMNS = (
    Column("test\nerror", ("test_error",), percent),
    Column("para-\nmeters", ("parameters",), count, best=False),
    Column("NFE\nfwd/vjp", ("nfe_forward", "vjps"), count, best=False),
    Column("fwd\nms", ("forward_s",), milliseconds),
    Column("fwd+bwd\nms", ("forward_backward_s",), milliseconds),
    Column("com-\npile s", ("compile_s",), seconds),
    Column("over-\nhead", ("overhead",), ratio),
    Column("memory\nMB", ("memory_bytes",), megabytes),
    Column("peak\nMB", ("peak_growth_bytes",), megabytes),
    Column("gradient\nerror", ("gradient_error",), scientific, limit="reference_gradient_agreement"),
)
"""What a suite shows that does not say its ``columns``."""

FURTHER = (
    Column("JVPs", ("jvps",), count, best=False),
    Column("NFE\nbwd", ("nfe_backward",), count),
    Column("VJPs", ("vjps",), count, best=False),
    Column("kept\nMB", ("kept_bytes",), megabytes),
    Column("size\nsolved", ("solved_size",), count),
    Column("forward\nerror", ("forward_error",), scientific, limit="reference_forward_agreement"),
    Column("against\ny0", ("gradient_error_y0",), scientific, limit="reference_gradient_agreement_y0"),
    Column(
        "against\nparams", ("gradient_error_parameters",), scientific, limit="reference_gradient_agreement_parameters"
    ),
    Column("against\ntimes", ("gradient_error_times",), scientific, limit="reference_gradient_agreement_times"),
    Column("discrete\nmap", ("discrete_error",), scientific, limit="discrete_agreement"),
    Column("recon-\nstruction", ("reconstruction_error",), scientific),
    Column("past\nend", ("past_end",), scientific),
    Column("f/vjp/sums/\nnorm/ctl/else %", tuple(f"part_{name}" for name in PARTS), whole_percent, best=False),
    Column("host\nsyncs", ("host_syncs",), count),
    Column("syncs\na step", ("host_syncs_per_step",), ratio),
)


KNOWN = {column.metrics[0]: column for column in (*COLUMNS, *FURTHER)}


def chosen(names: Sequence[str]) -> Sequence[Column]:
    """The columns of a suite's names, be it of metrics of its tasks' own; of those it is not known which is best."""
    return [KNOWN.get(name) or Column(_title(name), (name,), digits, best=False) for name in names] or COLUMNS


def _title(name: str) -> str:
    """A metric's name on two lines of about the same length."""
    words = name.split("_")
    cut = min(range(len(words)), key=lambda i: max(len(" ".join(words[:i])), len(" ".join(words[i:]))))
    return f"{' '.join(words[:cut])}\n{' '.join(words[cut:])}"


def figure(record: Record, column: Column) -> tuple[str, float | None]:
    """What a cell of the table says, and the number that it competes with."""
    values = [record.metrics.get(name, math.nan) for name in column.metrics]
    if not math.isfinite(values[0]):
        return "–", None
    if values[0] < record.metrics.get(column.limit, -math.inf):
        values = [record.metrics[column.limit]]
        return f"<{column.format(values[0])}", values[0]
    return "/".join(column.format(v) if math.isfinite(v) else "–" for v in values), values[0]


def best(records: Sequence[Record], column: Column) -> dict[str, float]:
    """The smallest figure of a column among the rivals on each task; none where all have the same."""
    found: dict[str, list[float]] = {}
    for record in records:
        _, value = figure(record, column)
        if column.best and value is not None and record.status is CellStatus.ok:
            found.setdefault(record.config["task"], []).append(value)
    return {task: min(some) for task, some in found.items() if len(some) == 1 or min(some) < max(some)}

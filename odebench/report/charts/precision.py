"""Work–precision: the error that is reached against what it costs."""

from __future__ import annotations

import math

from odebench.record import Record
from odebench.report.charts.cells import Cells, metric
from odebench.report.charts.lines import swept
from odebench.report.charts.model import Chart
from odebench.report.charts.words import title
from odebench.report.labels import accuracy
from odebench.report.precision import reported_error

KINDS = {
    "precision-nfe": ("forward_error", "nfe_forward", "Error against evaluations"),
    "precision-time": ("forward_error", "forward_s", "Error against time"),
    "gradient-nfe": ("gradient_error", "nfe_total", "Gradient error against evaluations"),
    "gradient-time": ("gradient_error", "forward_backward_s", "Gradient error against time"),
    "gradient-memory": ("gradient_error", "memory_bytes", "Gradient error against memory"),
}


def precision(cells: Cells, name: str) -> Chart | None:
    """Of what solves an ODE; no error is below what its references agree to.

    :param name: one of :data:`KINDS`.
    """
    error, cost, says = KINDS[name]
    shown = cells.scatter(
        _both_passes if cost == "nfe_total" else metric(cost),
        lambda record: reported_error(record, error) if accuracy(record) else math.nan,
    )
    return Chart(name, says, title(cost), title(error), swept(shown)) if shown else None


def _both_passes(record: Record) -> float:
    return record.metrics.get("nfe_forward", math.nan) + record.metrics.get("nfe_backward", math.nan)

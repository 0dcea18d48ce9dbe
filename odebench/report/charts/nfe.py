"""Evaluations backward against forward: what the original paper says is half."""

from __future__ import annotations

from dataclasses import replace

from odebench.report.charts.cells import Cells, metric
from odebench.report.charts.lines import swept
from odebench.report.charts.model import Chart, Guide
from odebench.report.charts.words import title

_GUIDES = (Guide("as many", 1.0, 1.0), Guide("half as many", 0.5, 1.0))


def nfe(cells: Cells) -> Chart | None:
    """Of the backends that evaluate the dynamics on their way back: plain backpropagation does not."""
    shown = cells.scatter(metric("nfe_forward"), metric("nfe_backward"))
    if not shown:
        return None
    panels = [replace(panel, guides=_GUIDES) for panel in swept(shown)]
    says = "Evaluations, backward against forward"
    return Chart("nfe", says, title("nfe_forward"), title("nfe_backward"), panels, joined=False)

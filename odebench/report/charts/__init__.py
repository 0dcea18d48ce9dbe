"""The pictures of a report, a file a kind: each is a function of the records, and says nothing of how it looks."""

from __future__ import annotations

from collections.abc import Sequence

from odebench.record import Record
from odebench.report.charts import curve, precision
from odebench.report.charts.bars import compiling, overhead, time
from odebench.report.charts.cells import Cells
from odebench.report.charts.growth import growths
from odebench.report.charts.model import BarChart, Chart
from odebench.report.charts.nfe import nfe
from odebench.report.charts.split import split
from odebench.report.fits import Growth


def charts(records: Sequence[Record], growth: Sequence[Growth]) -> list[Chart | BarChart]:
    """Those that the records have something to show in.

    :param growth: the fits that the suites ask for.
    """
    cells = Cells(records)
    found = [
        *(precision.precision(cells, name) for name in precision.KINDS),
        *growths(cells, growth),
        nfe(cells),
        *(curve.curve(cells, name) for name in curve.KINDS),
        time(cells),
        compiling(cells),
        overhead(cells),
        split(cells),
    ]
    return [chart for chart in found if chart is not None]

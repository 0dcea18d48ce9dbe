"""What a report holds: drawn from stored runs alone, before anybody decides how it looks."""

from __future__ import annotations

import base64
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from typing import Any

from odebench.claims.model import read_claims
from odebench.claims.verdict import Judged, judge
from odebench.errors import UserError
from odebench.record import CellStatus, Record
from odebench.report.charts import charts
from odebench.report.charts.model import BarChart, Chart
from odebench.report.columns import Column, chosen
from odebench.report.contests import contests, crossovers
from odebench.report.fits import Growth, fits
from odebench.report.palette import Style, styles
from odebench.report.sheets import Sheet, contest_sheet, crossover_sheet, growth_sheet
from odebench.stored import StoredRun, apart

SVG_LIMIT = 200_000
"""Bytes above which a picture is stored as pixels: a cloud of samples, drawn point by point, is no vector any more."""


@dataclass(frozen=True)
class Picture:
    """A picture of a suite's own.

    :param source: a ``data:`` URI; empty where it could not be drawn.
    :param reason: why it could not be drawn.
    """

    name: str
    title: str
    source: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Document:
    """A report of one or more runs, no two of one name.

    :param problems: what was asked for and cannot be shown.
    """

    runs: Sequence[StoredRun]
    problems: Sequence[str] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "runs", apart(self.runs))

    @property
    def title(self) -> str:
        return ", ".join(dict.fromkeys(run.name for run in self.runs)) or "nothing to report"

    @cached_property
    def records(self) -> list[Record]:
        """The records of all runs; where there are several, each says in its configuration which ``run`` it is of."""
        for run in self.runs if len(self.runs) > 1 else ():
            for record in run.records:
                record.config["run"] = run.name
        return [record for run in self.runs for record in run.records]

    @property
    def failed(self) -> list[Record]:
        """Those that did not end well."""
        return [record for record in self.records if record.status is not CellStatus.ok]

    @cached_property
    def columns(self) -> list[Column]:
        """Those that the suites show, and that a record has."""
        found: dict[str, Column] = {}
        for run in self.runs:
            found |= {column.title: column for column in chosen(run.request.get("columns", ()))}
        return [c for c in found.values() if any(c.metrics[0] in record.metrics for record in self.records)]

    @cached_property
    def styles(self) -> dict[str, Style]:
        return styles(record.config["backend"] for record in self.records)

    @cached_property
    def growth(self) -> list[Growth]:
        wanted = {repr(sorted(fit.items())): fit for run in self.runs for fit in run.request.get("fits", ())}
        return fits(self.records, list(wanted.values()))

    @cached_property
    def sheets(self) -> list[Sheet]:
        """Of growth: those that have a row."""
        wanted = {repr(rivals): rivals for run in self.runs for rivals in run.request.get("rivals", ())}
        rivalry = contest_sheet(contests(self.growth, list(wanted.values())))
        found = (rivalry, crossover_sheet(crossovers(self.growth)), growth_sheet(self.growth))
        return [sheet for sheet in found if sheet.rows]

    @cached_property
    def charts(self) -> list[Chart | BarChart]:
        return charts(self.records, self.growth)

    @cached_property
    def claims(self) -> list[Judged]:
        """The claims of the runs' suites that these runs have anything to say to."""
        suites = {run.suite for run in self.runs}
        judged = [judge(one, self.runs) for one in read_claims()[0] if one.suite in suites]
        return [one for one in judged if any(row.run for row in one.rows)]

    @cached_property
    def pictures(self) -> list[Picture]:
        return [picture for run in self.runs for picture in _pictures(run, len(self.runs) > 1)]


def _pictures(run: StoredRun, several: bool) -> Iterator[Picture]:
    """The suite's own; one that says why where matplotlib, the suite or a part of it is not here.

    :param several: whether there are other runs, so that a title says which one it is of.
    """
    try:
        from odebench.report.figures import settings
        from odebench.report.pictures import drawable, drawn
    except ModuleNotFoundError as error:
        yield Picture("pictures", run.name, reason=f"{error}: pip install 'odebench[plot]'")
        return
    try:
        figures = drawable(run.store)
    except UserError as error:
        yield Picture("pictures", run.name, reason=str(error))
        return
    for figure, records in figures.values():
        try:
            with settings(), warnings.catch_warnings(action="ignore"):  # of letters that a font lacks, and the like
                source, reason = _as_uri(drawn(figure, records, run.store)), ""
        except Exception as error:  # a plugin's picture fails while it is drawn, or only when it is written
            source, reason = "", str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
        yield Picture(figure.name, f"{figure.title} ({run.name})" if several else figure.title, source, reason)


def _as_uri(figure: Any) -> str:
    """:param figure: matplotlib's."""
    file = BytesIO()
    figure.savefig(file, format="svg", metadata={"Date": None})
    if file.tell() <= SVG_LIMIT:
        return _uri("svg+xml", file)
    file = BytesIO()
    figure.savefig(file, format="png", dpi=130)
    return _uri("png", file)


def _uri(kind: str, file: BytesIO) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode()}"

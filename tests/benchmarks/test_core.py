"""What is done for every cell and for every report, beside the least that it could cost where there is such a thing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from odebench import load_results
from odebench.compare.comparison import compare
from odebench.compare.sides import find_side
from odebench.plan import Selection, plan
from odebench.registry import load_registry
from odebench.report.document import Document
from odebench.report.html import html
from odebench.report.summary import summary
from odebench.store import Store
from odebench.stored import read_run
from odebench.suite import read_suite

ROOT = Path(__file__).parents[2]
SUITE = ROOT / "suites" / "mnist"
RUN = ROOT / "results" / "ivp" / "reference-quick-cpu"


@pytest.mark.benchmark(group="planning")
def test_planning(benchmark: Any) -> None:
    """From a suite's folder to its cells, plugins included."""

    def cells() -> Any:
        suite = read_suite(SUITE)
        return plan("mnist", suite, suite.preset(None), load_registry((), [SUITE]), Selection())

    assert benchmark(cells)


@pytest.mark.benchmark(group="a record on disk")
def test_append(benchmark: Any, tmp_path: Path) -> None:
    """A record of a real run, waited for on the disk once a second."""
    record = read_run(RUN).records[0]
    store = Store(tmp_path)
    benchmark(store.append, record)
    assert len(store.records()) == 1


@pytest.mark.benchmark(group="a record on disk")
def test_append_without_care(benchmark: Any, tmp_path: Path) -> None:
    """The rival: the same line, which the disk is never waited for."""
    record = read_run(RUN).records[0].to_dict()
    with (tmp_path / "records.jsonl").open("a") as file:
        benchmark(lambda: (file.write(json.dumps(record) + "\n"), file.flush()))


@pytest.mark.benchmark(group="a run as a table")
def test_load_results(benchmark: Any) -> None:
    """From the records as they were appended."""
    table = benchmark(load_results, RUN)
    assert len(table) == len(pd.read_parquet(RUN / "records.parquet"))


@pytest.mark.benchmark(group="a run as a table")
def test_read_parquet(benchmark: Any) -> None:
    """The rival: from the table that the end of the run wrote."""
    assert len(benchmark(pd.read_parquet, RUN / "records.parquet"))


@pytest.mark.benchmark(group="a report's rows")
def test_summary(benchmark: Any) -> None:
    """The summary's rows."""
    document = Document([read_run(RUN)])
    assert benchmark(summary, document.records, document.columns).rows


@pytest.mark.benchmark(group="a report's charts")
def test_charts(benchmark: Any) -> None:
    """All charts as data."""
    runs = [read_run(RUN)]
    assert benchmark(lambda: Document(runs).charts)


@pytest.mark.benchmark(group="a report's page")
def test_page(benchmark: Any) -> None:
    """The whole page, pictures and claims included."""
    runs = [read_run(RUN)]
    assert "</html>" in benchmark.pedantic(lambda: html(Document(runs)), rounds=3)


@pytest.mark.benchmark(group="a comparison")
def test_compare(benchmark: Any) -> None:
    """A run with itself: joined, judged, and the same everywhere."""
    side = find_side(str(RUN))
    assert benchmark.pedantic(compare, (side, side), rounds=5).rows

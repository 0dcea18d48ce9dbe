"""The report as CSV."""

import csv as reader
import shutil
from io import StringIO

import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from odebench.record import CellStatus
from odebench.report.document import Document
from odebench.report.table_csv import csv
from odebench.store import load_results
from odebench.stored import read_run

words = st.text(st.characters(codec="utf-8"), max_size=20) | st.sampled_from(
    ['a,"b"\n\r\t;', "=1+1", "😀", "x" * 10_000, "\r"]
)


@given(rows=st.lists(st.tuples(words, words, st.floats(allow_nan=False)), min_size=1, max_size=4))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_it_round_trips(cell, written, tmp_path, rows):
    """Every name and every number comes back as it was."""
    shutil.rmtree(tmp_path / "s", ignore_errors=True)
    records = [cell(row, metrics={"m": number}, reason=why, seed=i) for i, (row, why, number) in enumerate(rows)]
    found = list(reader.DictReader(StringIO(csv(written(*records)), newline="")))
    assert [(one["row"], one["reason"], float(one["m"]), int(one["seed"])) for one in found] == [
        (row, why, number, i) for i, (row, why, number) in enumerate(rows)
    ]


def test_it_is_what_load_results_gives(committed):
    """All columns of all runs, those that failed among them; what a run has not, is empty."""
    document = committed("mnist/reference-quick-cpu", "gradients/reference-quick-cpu")
    found = pd.read_csv(StringIO(csv(document)))
    expected = [load_results(run.folder) for run in document.runs]
    assert set(found.columns) == set(expected[0].columns) | set(expected[1].columns)
    assert list(found["hash"]) == [record.hash for record in document.records]
    assert list(found["suite"].unique()) == ["mnist", "gradients"]
    assert found["nfe_forward"].dropna().tolist() == [
        record.metrics["nfe_forward"] for record in document.records if "nfe_forward" in record.metrics
    ]
    assert (found["status"] != "ok").sum() == len(document.failed) > 0


def test_a_run_without_records_adds_nothing(cell, written):
    """Nor is it a reason to fail."""
    empty = written(name="empty")
    full = written(cell(status=CellStatus.oom), name="full")
    assert csv(empty) == ""
    both = Document([*empty.runs, *(read_run(run.folder) for run in full.runs)])
    assert csv(both) == csv(full)

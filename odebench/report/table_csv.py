"""A report's records as CSV: all columns of all runs, a line a cell."""

from __future__ import annotations

from csv import QUOTE_NONNUMERIC
from typing import TYPE_CHECKING

from odebench.store import RECORDS, load_results

if TYPE_CHECKING:
    from odebench.report.document import Document


def csv(document: Document) -> str:
    """What :func:`odebench.store.load_results` gives, words in quotation marks; nothing where there is no record."""
    import pandas as pd

    files = [run.folder / RECORDS for run in document.runs if run.records]
    if not files:
        return ""
    table = pd.concat([load_results(file) for file in files], ignore_index=True)
    return str(table.to_csv(index=False, lineterminator="\n", quoting=QUOTE_NONNUMERIC))

"""Growth as every kind of report shows it."""

from io import StringIO

import pytest
from rich.console import Console

from odebench.report.html import html
from odebench.report.latex import latex
from odebench.report.markdown import markdown
from odebench.report.terminal import print_run

ASKED = {
    "fits": [{"x": "option_batch", "y": "forward_backward_s", "task": "*", "law": "offset"}],
    "rivals": [{"ours": ["torch/*"], "peers": ["torchdiffeq/*"]}],
}


@pytest.fixture
def document(cell, written):
    """Ours, and a peer that is twice as dear, on the CPU; ours on a GPU, which costs 64 whatever the batch."""

    def times(backend, cost, device="cpu"):
        return [
            cell(backend=backend, metrics={"forward_backward_s": cost(x)}, device=device, options={"batch": x})
            for x in (4, 16, 64, 256, 1024)
        ]

    records = [*times("torch/a/b", lambda x: 10 + x), *times("torchdiffeq/a/b", lambda x: 20 + 2 * x)]
    return written(*records, *times("torch/a/b", lambda x: 64.0, "cuda"), **ASKED)


def test_three_tables(document):
    """Who grows faster, from where on the GPU pays, and the fits themselves; each row as wide as its head."""
    rivalry, crossing, fitted = document.sheets
    assert rivalry.rows == [
        ("forward_backward_s", "batch", "torch/a/b", "torchdiffeq/a/b", "1.00 ± 0.00", "1.00 ± 0.00", "alike", "0.50")
    ]
    (row,) = crossing.rows
    assert row[:2] + row[3:5] + row[6:] == ("forward_backward_s", "batch", "torch/a/b", "cuda", "16", "64")
    assert 16 < float(row[5]) < 64
    assert [(row[3], row[4], row[5], *row[7:]) for row in fitted.rows] == [
        ("torch/a/b", "1.00 ± 0.00", "10", "4", "1024", "5"),
        ("torchdiffeq/a/b", "1.00 ± 0.00", "20", "4", "1024", "5"),
        ("torch/a/b cuda", "0.00 ± 0.00", "–", "4", "1024", "5"),
    ]
    for sheet in document.sheets:
        assert {len(row) for row in sheet.rows} == {len(sheet.columns)}
        assert set(sheet.names) <= set(sheet.columns)


def test_no_table_of_nothing(cell, written):
    """Neither rivals nor a GPU: the fits alone; too few cells: none."""
    metrics = {"forward_backward_s": 1.0}
    cells = [cell(backend="torch/a/b", metrics=metrics, options={"batch": x}) for x in (1, 2, 4, 8)]
    assert [sheet.name for sheet in written(*cells, **ASKED).sheets] == ["growth"]
    assert written(*cells[:3], name="few", **ASKED).sheets == []


def test_every_report_has_them(document):
    """The page, Markdown and LaTeX all three; the terminal what is held against a peer, and the fits that are not."""
    titles = [sheet.title for sheet in document.sheets]
    page, comment, paper = html(document), markdown(document), latex(document)
    for title in titles:
        assert f"<h3>{title}</h3>" in page.replace("&#39;", "'")
        assert f"### {title}\n" in comment
        assert f"{title}." in paper
    assert "| 1.00 ± 0.00 | 1.00 ± 0.00 | alike | 0.50 |" in comment
    assert r"1.00 $\pm$ 0.00 & alike & 0.50" in paper
    console = Console(width=120, file=StringIO())
    print_run(document.runs[0].store, console)
    shown = " ".join(console.file.getvalue().split())
    assert "torch/a/b torchdiffeq/a/b 1.00 ± 0.00 1.00 ± 0.00 alike 0.50" in shown
    assert "torch/a/b cuda 0.00 ± 0.00 – " in shown
    assert "beats the CPU from" in shown
    assert shown.count("torchdiffeq/a/b 1.00") == 1

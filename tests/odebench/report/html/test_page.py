"""The page, as text: what is in it, without a browser."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from importlib.resources import files

import pytest

from odebench.record import CellStatus
from odebench.report.document import Document
from odebench.report.html import html

VENDOR = files("odebench.report.html") / "vendor"
SECTIONS = ["runs", "summary", "charts", "growth", "claims", "pictures", "environment"]


def rows(page):
    return re.findall(r"<tr[^>]* data-of=.*?</tr>", page, re.DOTALL)


@pytest.mark.parametrize("suite", ["mnist", "error_control"])
def test_a_committed_run_in_the_order_that_readers_ask(committed, cells, suite):
    """With its command as it was typed, a row a cell and every backend by name, all there without a script."""
    page = committed(suite)
    found = re.findall(r'<section id="(\w+)"', page)
    assert found == [name for name in SECTIONS if name in found]
    assert {"runs", "summary", "charts", "claims", "environment"} <= set(found)
    assert f"<code>odebench run suites/{suite}</code>" in page
    assert len(rows(page)) == cells(suite)
    assert "torch 2.13.0+cpu, threads 2" in page


def test_nothing_outside_the_file_is_named_as_a_source(committed):
    """No script, style, picture or font from elsewhere; a strict policy says so to the browser, too."""
    page = re.sub(r"<script.*?</script>", "", committed("mnist"), flags=re.DOTALL)
    assert not re.findall(r" (?:src|href)=\"(?!#|data:)", page)
    assert "url(" not in page
    assert "@import" not in page
    assert """content="default-src &#39;none&#39;; img-src data:;""" in page


def test_the_policy_allows_the_pages_scripts_alone(committed):
    """Each by the sum of its text."""
    page = committed("mnist")
    sums = [
        base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        for script in re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    ]
    assert len(sums) == 3
    assert re.findall(r"sha256-([^&]+)&#39;", page) == sums


def test_the_vendored_libraries_are_the_published_ones():
    """Whole and unchanged: the sums of their files are those of the README beside them."""
    readme = (VENDOR / "README.md").read_text()
    for name in ("d3.min.js", "plot.umd.min.js"):
        assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() in readme


def test_the_best_has_a_star_and_a_failure_its_reason(record, make_run):
    """Among the rivals on one task; a failed cell stays in its row, its reason where its figures would be."""
    cells = [record(0), record(1), record(2, status=CellStatus.timeout, reason="took over 3 s"), record(3, "t/two")]
    one, two, failed, alone = rows(html(Document([make_run(cells, columns=["forward_s", "forward_error"])])))
    assert [row.count("★") for row in (one, two, failed, alone)] == [0, 2, 0, 2]
    assert 'colspan="2">took over 3 s</td>' in failed
    assert 'class="status timeout">timeout<' in failed
    assert "data-v=0.1>100<" in one


def test_a_failure_with_figures_has_both(record, make_run):
    """What was measured until then is not hidden by the reason."""
    cell = record(0, status=CellStatus.diverged, reason="went away")
    cell.metrics["forward_s"] = 0.5
    (row,) = rows(html(Document([make_run([record(1), cell])])))[1:]
    assert "went away" in row
    assert "data-v=0.5>500<" in row


def test_what_must_be_known_first_is_at_the_top(record, make_run):
    """Before the runs: what is wrong with them, and what of what was asked for is not here."""
    run = make_run([record(0)], cells=3)
    page = html(Document([run], problems=["results/x is no run"]))
    top = page.partition('<section id="runs">')[0]
    assert "unfinished: 1 of 3 cells" in top
    assert "results/x is no run" in top
    assert "Read this first" not in html(Document([make_run([record(0)], "fine")]))


@pytest.mark.parametrize("status", [None, CellStatus.crashed])
def test_a_run_without_a_cell_that_ended_well(record, make_run, status):
    """Empty, or all failed: the page says so and has no chart, nor the libraries that would draw it."""
    run = make_run([] if status is None else [record(0, status=status, reason="died")])
    page = html(Document([run]))
    assert "no cell ended well" in page
    assert "d3js.org" not in page
    assert ("There is no record." if status is None else "died") in page


def test_unknown_columns_and_metrics(record, make_run):
    """Are shown; a column that no cell has is left out."""
    cells = [record(i, metrics={"my_own_figure": 41.5 + i}) for i in range(2)]
    page = html(Document([make_run(cells, columns=["my_own_figure", "nobody_has_it"])]))
    assert "my own figure" in page
    assert "data-v=41.5>41.5<" in page
    assert "nobody" not in page


def test_several_runs_on_one_page(record, make_run):
    """Each with its command, and each row with its run."""
    runs = [make_run([record(i)], name) for i, name in enumerate(("first", "second"))]
    page = html(Document(runs))
    assert page.count("<code>odebench run suites/s</code>") == 2
    assert [("s/first" in row, "s/second" in row) for row in rows(page)] == [(True, False), (False, True)]
    assert "<h3><bdi>s/second</bdi></h3>" in page


def test_hostile_names_are_text(hostile_run):
    """No element, attribute or script comes out of a name; JSON in the page cannot end its own element."""
    page = html(Document([hostile_run]))
    markup = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert "<img src=x" not in page
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(&#39;script&#39;)&lt;/script&gt;" in markup
    assert ' x" onmouseover' not in markup
    assert "{{ 7 * 7 }}" in markup
    assert page.count("<script") == page.count("</script>")
    data = json.loads(re.search(r'id="charts-data">(.*?)</script>', page).group(1))
    assert any("<img src=x" in word for word in data["words"])


def test_five_thousand_cells(record, make_run):
    """Written in under 10 seconds of this process's own time, in under 8 MB."""
    backends = [f"library{i % 12}/solver{i % 5}/gradient" for i in range(60)]
    known = [
        "nfe_forward",
        "vjps",
        "forward_s",
        "forward_backward_s",
        "memory_bytes",
        "forward_error",
        "gradient_error",
    ]
    cells = [
        record(i, f"t/{i // 100}", backends[i % 60], rtol=10.0 ** -(i % 10),
               metrics={name: (1 + i % 97) * 1.2345678 ** (k - 5) for k, name in enumerate(known)})
        for i in range(5000)
    ]  # fmt: skip
    run = make_run(cells, columns=known)
    began = time.process_time()
    page = html(Document([run]))
    assert time.process_time() - began < 10
    assert len(page.encode()) < 8e6
    assert len(rows(page)) == 5000

"""The report as Markdown, read as GitHub reads it."""

import html
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from odebench.record import CellStatus
from odebench.report.markdown import LIMIT, code, markdown, text

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
HOSTILE = [
    "<script>alert(1)</script>", "a|b\\|c\\", "`x` ``y", "**bold** _x_ ~~y~~ [z](http://e.vil)", "@team fixes #12",
    "1. x", "# x", "- x", "+ x", "=====", "---", "a\nb\r\n\nc", "&lt; &#124; &amp;", "😀 :smile: $x$", "x" * 10_000,
    "\0\x1b[31m", "</details>", "<!--", "https://e.vil www.e.vil", "\\", "|", "", " ",
]  # fmt: skip
hostile = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=30))
"""Names that mean something to Markdown, HTML, GitHub or a terminal."""


def tables(source):
    """Of each table, the rows of cells as a reader sees them."""
    found = []
    for token in READER.parse(source):
        if token.type == "table_open":
            found.append([])
        elif token.type == "tr_open":
            found[-1].append([])
        elif token.type == "inline" and found and found[-1] and token.map and token.level >= 4:
            found[-1][-1].append("".join(_seen(child) for child in token.children))
    return found


def _seen(token):
    return "" if token.type in ("html_inline", "strong_open", "strong_close") else token.content


def said(words, limit=160):
    """Words as they are meant to be seen."""
    line = "".join(c if c.isprintable() else "�" for c in " ".join(words.split()))
    return line if len(line) <= limit else line[: limit - 1] + "…"


@given(hostile)
@settings(max_examples=300, deadline=None)
def test_words_are_seen_as_they_are(words):
    """As text and as code, in a cell of a table: nothing but <code> is HTML, nothing a link, and no cell is split."""
    source = f"| a | b |\n|---|---|\n| {text(words)} | {code(words)} |\n"
    ((_, cells),) = tables(source)
    assert [cell.replace("\N{WORD JOINER}", "") for cell in cells] == [said(words).replace("\N{WORD JOINER}", "")] * 2
    inline = [child for token in READER.parse(source) for child in token.children or ()]
    assert {child.type for child in inline} <= {"text", "text_special", "code_inline", "html_inline"}
    assert {child.content for child in inline if child.type == "html_inline"} <= {"<code>", "</code>"}


@given(hostile)
@settings(max_examples=200, deadline=None)
def test_a_line_that_begins_with_words_is_a_paragraph(words):
    """No list, no heading, no quotation, no block of HTML."""
    kinds = {token.type for token in READER.parse(text(words))}
    assert kinds <= {"paragraph_open", "inline", "paragraph_close"}


def test_nobody_is_told_and_nothing_is_linked_to():
    """GitHub looks for @names, #numbers and addresses in what is seen."""
    found = html.unescape(text("@team see #12, https://e.vil or www.e.vil"))
    assert not re.search(r"@team|#12|https://|www\.", found)


@given(rows=st.lists(st.tuples(hostile, hostile, hostile, st.booleans()), min_size=1, max_size=5))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_table_keeps_its_columns_whatever_the_names(cell, held, rows):
    """Each row has as many cells as its header, and there are as many rows as cells."""
    statuses = {True: CellStatus.ok, False: CellStatus.error}
    records = [cell(row, back or "b", status=statuses[fine], reason=why, seed=i)
               for i, (row, back, why, fine) in enumerate(rows)]  # fmt: skip
    source = markdown(held(*records, notes=[row for row, *_ in rows]))
    found = tables(source)
    assert len(found) == 1 + any(not fine for *_, fine in rows)
    for table in found:
        assert {len(cells) for cells in table} == {len(table[0])}
    assert len(found[0]) == 1 + len(rows)
    lines = source.splitlines()
    assert lines.count("<details>") == lines.count("</details>") == len(found) - 1


def test_the_best_is_bold_and_the_failed_have_their_reasons(cell, held):
    """One row each; what is folded says how many there are."""
    good, bad = cell(), cell(backend="x/y/z", metrics={"forward_s": 0.5})
    failed = cell(backend="u/v/w", status=CellStatus.timeout, metrics={}, reason="more than 5 s")
    source = markdown(
        held(good, bad, failed, request={"command": ["odebench", "run", "suites/s"]}, notes=["unfinished"])
    )
    assert "| Row | `torch/dopri5/adjoint` | 26/24 | **12.3** | **1.2e-4** | ok |" in source
    assert "| Row | `x/y/z` | – | 500 | – | ok |" in source
    assert "<summary>1 cells did not end well</summary>" in source
    assert "| Row | `u/v/w` | timeout | `more than 5 s` |" in source
    assert "- **s/r**, preset p, cells: 2 ok, 1 timeout. `odebench run suites/s`\n- unfinished\n" in source


def test_runs_are_told_apart(committed):
    """Several in one report: a column says which; growth, claims and environments of both."""
    source = markdown(committed("gradients/reference-field-cpu", "mnist/reference-quick-cpu"))
    cells, growth, claims = (table for table in tables(source))
    assert cells[0][:3] == ["run", "row", "backend"]
    assert {row[0] for row in cells[1:]} == {"gradients/reference-field-cpu", "mnist/reference-quick-cpu"}
    assert growth[0][:6] == ["growth of", "with", "task", "backend", "exponent", "constant"]
    assert claims[0] == ["claim", "verdict", "figures"]
    assert len(growth) > 5
    assert len(claims) > 1
    assert "Measured on: AMD EPYC, 2 cores" in source


@pytest.mark.parametrize("length", [1, 5_000])
def test_a_comment_holds_it(cell, held, length):
    """5,000 cells, or reasons and names as long as can be: no more than a comment's characters, and what is left out
    is said."""
    records = [cell("x" * length, f"b{i}", status=CellStatus.error if i % 2 else CellStatus.ok, reason="y" * length)
               for i in range(5_000)]  # fmt: skip
    source = markdown(held(*records))
    assert 0.9 * LIMIT < len(source) <= LIMIT
    summary, failed = tables(source)
    left_out = [int(n) for n in re.findall(r"\*(\d+) of \d+ rows are left out", source)]
    assert [len(summary) - 1 + left_out[0], len(failed) - 1 + left_out[1]] == [5_000, 2_500]


def test_a_run_without_records(held):
    """Says so."""
    assert "**s/r**, preset p, cells: none." in markdown(held())

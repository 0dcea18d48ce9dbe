"""The report as LaTeX."""

import re
import shutil
import subprocess

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from odebench.record import CellStatus
from odebench.report.latex import LONG, latex, text

HOSTILE = [
    "\\input{/etc/passwd}", "50 % & #1 $x$ a_b^c ~ {", "}", "<script>|`x`", "[x]", "*", "--", "---", "a\n\nb",
    "é ž ñ Ø", "😀 日本", "\0\x1b[31m", "x" * 10_000, "", " ", "∝ × – … µ", "\\\\", "%", '"', "''",
]  # fmt: skip
hostile = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=30))


def bare(source):
    """Without letters that are escaped, and without comments."""
    return re.sub(r"%[^\n]*", "", re.sub(r"\\[\\{}$&#%_]", "", source))


def is_balanced(source):
    depth = 0
    for brace in re.findall("[{}]", bare(source)):
        depth += 1 if brace == "{" else -1
        if depth < 0:
            return False
    return depth == 0 and bare(source).count("$") % 2 == 0


@given(hostile)
@settings(max_examples=300)
def test_no_letter_is_a_command(words):
    """Braces balance, and of what LaTeX takes for commands there are the escapes alone; all is in Latin letters."""
    found = text(words)
    assert is_balanced(found)
    assert not re.search(r"[&#%_^~<>|`]", bare(found))
    assert set(re.findall(r"\\([a-z]+)", found)) <= {
        "textbackslash", "textasciicircum", "textasciitilde", "textless", "textgreater", "textbar", "textasciigrave",
        "dots", "times", "propto", "pm", "infty", "leq", "geq", "mu", "cdot", "textsuperscript",
    }  # fmt: skip
    assert all(" " <= letter <= "~" or "À" <= letter <= "ž" for letter in found)


@given(rows=st.lists(st.tuples(hostile, hostile, st.booleans()), min_size=1, max_size=4))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_table_keeps_its_columns_whatever_the_names(cell, held, rows):
    """Each row has as many cells as its table has columns, and braces balance throughout."""
    statuses = {True: CellStatus.ok, False: CellStatus.error}
    records = [
        cell(row, why or "b", status=statuses[fine], reason=why, seed=i) for i, (row, why, fine) in enumerate(rows)
    ]
    source = latex(held(*records))
    assert is_balanced(source)
    for letters, body in re.findall(r"\\begin\{tabular\}\{([^\n]*)\}\n(.*?)\\end\{tabular\}", source, re.DOTALL):
        columns = len(re.sub(r"p\{.*?\}\}?", "p", letters))
        lines = [line for line in body.splitlines() if line.endswith(r"\\")]
        assert {len(re.sub(r"\\&", "", line).split("&")) for line in lines} == {columns}
    assert source.count("\n% ") + source.startswith("% ") >= 2


def test_the_best_is_bold_and_the_failed_have_a_table(cell, held):
    """With caption, label and rules of booktabs; a status where one failed."""
    good, bad = cell(), cell(backend="x/y/z", metrics={"forward_s": 0.5}, task="u")
    source = latex(held(good, bad))
    assert (
        "Row & torch/dopri5/adjoint & 26/24 & \\textbf{12.3} & \\textbf{1.2e-4} \\\\\n\\midrule\nRow & x/y/z" in source
    )
    assert r"\label{tab:odebench-s-r-summary}" in source
    assert "timeout" not in source
    source = latex(held(good, cell(backend="u", status=CellStatus.timeout, metrics={}, reason="5 % more")))
    assert r"Row & u & timeout & 5 \% more \\" in source
    assert r"\label{tab:odebench-s-r-failed}" in source


def test_a_long_table_goes_over_pages(cell, held):
    """By longtable, which its head asks for, and which a short one does without."""
    cells = [cell(backend=f"b{i}") for i in range(LONG + 1)]
    assert "longtable" not in latex(held(*cells[:-1]))
    source = latex(held(*cells))
    assert source.splitlines()[1] == "% needs: booktabs, longtable"
    assert source.count(r"\begin{longtable}") == source.count(r"\end{longtable}") == 1


def test_a_comment_is_a_line(held):
    """Whatever a note or the command may hold, nothing of it gets out of its comment."""
    source = latex(held(notes=["a\n\\input{x}\r\\y\u2028z"], request={"command": ["a\nb"]}))
    assert all(line.startswith("%") for line in source.splitlines())


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="there is no LaTeX here")
def test_it_compiles(cell, held, committed, tmp_path):
    """Hostile names, and committed runs, each by \\\\input."""
    records = [
        cell(f"{i} {name}", f"b{i}{name}", status=CellStatus.error, reason=name) for i, name in enumerate(HOSTILE)
    ]
    documents = [held(*records), committed("mnist/reference-quick-cpu"), committed("gradients/reference-field-cpu")]
    lines = [r"\documentclass{article}", r"\usepackage{booktabs, longtable}", r"\begin{document}"]
    for i, document in enumerate(documents):
        (tmp_path / f"table{i}.tex").write_text(latex(document), encoding="utf-8")
        lines.append(rf"\input{{table{i}}}")
    (tmp_path / "paper.tex").write_text("\n".join([*lines, r"\end{document}"]), encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False)
    assert ended.returncode == 0, ended.stdout[-2000:]

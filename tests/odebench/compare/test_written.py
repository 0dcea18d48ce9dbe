"""Markdown that a pull request takes, and JSON that a program reads."""

import json

import pytest

from odebench.compare.comparison import compare
from odebench.compare.gate import failures, parse
from odebench.compare.written import as_json, markdown

from .conftest import PLACE, record, side

HOSTILE = [
    "<script>alert(1)</script>",
    "\x1b[31m[/x]\ud800",
    "a | b\nc",
    "x" * 10_000,
    "![](http://example.org/a.png)",
    "@everyone #1 🦆",
]


def made(cells, **change):
    a = [record(f"c{i}", metrics={"nfe_forward": 100}, backend=f"toy/solver{i}/numeric") for i in range(cells)]
    b = [record(f"c{i}", metrics={"nfe_forward": 120}, backend=f"toy/solver{i}/numeric") for i in range(cells)]
    return compare(side(a), side(b, name="B", environment=PLACE | change))


def test_markdown():
    """The headline and what regressed in sight, all else folded; the versions that differ."""
    found = made(2, packages={"toy": "1.1", "peer": "0.1"})
    text = markdown(found, failures(found, [parse("regressed")]))
    lines = text.splitlines()
    assert lines[:3] == ["### odebench: A → B", "", "**2 cells in both: 2 regressed, 2 same** · 2 fail"]
    assert "| made/quick | 2 | 0 | 0 | 2 |" in lines
    assert "<details open><summary>Regressed</summary>" in lines
    assert "| made/decay toy/solver1/numeric 1e-6 | nfe_forward | 100 | 120 | ×1.2 |" in lines
    assert "- toy 1.0 → 1.1" in lines
    assert text.count("<details") == text.count("</details>")


def test_markdown_of_very_many_cells():
    """Stays below what a comment holds, and says how much was cut."""
    text = markdown(made(5000), [])
    assert len(text) < 65_536
    assert "more lines" in text
    assert "**5,000 cells in both: 5,000 regressed, 5,000 same**" in text
    assert text.count("<details") == text.count("</details>")


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names(text):
    """Are shown as text, on one line, and run nowhere."""
    a = [record("c1", status="error", reason=text, task=text), record("c2")]
    b = [record("c1", task=text), record("c3", backend=text)]
    found = compare(side(a, name=text), side(b, name="B"))
    written = markdown(found, [])
    assert "<script" not in written
    assert "![" not in written
    assert "@everyone" not in written
    assert max(map(len, written.splitlines())) < 2000
    assert all(line.count(" | ") == 3 + 1 for line in written.splitlines() if line.startswith("| made"))
    assert "\x1b" not in written
    assert as_json(found, []).encode()
    assert json.loads(as_json(found, []))["cells"]["both"] == 1


def test_json():
    """Each row with what it takes to find the cell again; what is no number is null; strict JSON."""
    a = record(metrics={"nfe_forward": 100, "forward_error": float("nan"), "reconstruction_error": 1.0})
    b = record(metrics={"nfe_forward": 120, "forward_error": 1.0, "reconstruction_error": float("inf")})
    found = compare(side([a, record("gone")]), side([b], name="B"))
    text = as_json(found, failures(found, [parse("regressed:nfe_*=10%")]))
    told = json.loads(text, parse_constant=pytest.fail)
    rows = {row["metric"]: row for row in told["rows"]}
    assert rows["nfe_forward"] | {"cell": ""} == {
        "verdict": "regressed", "hash": "c1", "suite": "made/quick", "cell": "", "task": "made/decay",
        "backend": "toy/dopri5/numeric", "rtol": 1e-6, "num_steps": None, "seed": 0, "metric": "nfe_forward",
        "kind": "counter", "old": 100, "new": 120, "ratio": 1.2, "low": None, "high": None, "drift": 1.0, "reason": "",
    }  # fmt: skip
    assert (rows["forward_error"]["old"], rows["forward_error"]["verdict"]) == (None, "improved")
    assert rows["reconstruction_error"]["new"] == "inf"
    assert "status" not in rows
    assert told["counts"]["made/quick"] == {"regressed": 2, "improved": 1, "not comparable": 0, "same": 1}
    assert [cell["hash"] for cell in told["cells"]["gone"]] == ["gone"]
    assert [one["condition"] for one in told["failed"]] == ["regressed:nfe_*=10%"]
    assert "status" in {row["metric"] for row in json.loads(as_json(found, [], everything=True))["rows"]}

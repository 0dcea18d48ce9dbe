"""``odebench claims`` and ``odebench coverage``: on claims made here, and on those of the repository."""

import json
from pathlib import Path

import pytest

from odebench.claims.verdict import Verdict

ROOT = Path(__file__).parents[3]
SUITE = """
title = "made"
default_preset = "quick"
[[matrix]]
tasks = ["toy/decay"]
backends = ["toy/dopri5/numeric"]
[presets.quick]
"""
CLAIM = """
number = 3
statement = "The loss is small."
source = "Nobody 2020, p. 1"
documents = ["003: pendulum"]
later = "Doubted since."
preset = "quick"
[[check]]
says = "loss at the end"
statistic = "value"
y = "loss"
where = { task = "toy/*" }
rule = "< 1"
random = true
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with a suite, a claim, and a run of three seeds that bears it out."""
    claims = tmp_path / "suites" / "made" / "claims"
    claims.mkdir(parents=True)
    (claims.parent / "suite.toml").write_text(SUITE)
    (claims / "small.toml").write_text(CLAIM)
    run = tmp_path / "results" / "made" / "run1"
    run.mkdir(parents=True)
    request = {"suite": "suites/made", "preset": "quick", "plugins": [], "strict": False, "selection": {}}
    (run / "run.json").write_text(json.dumps(request))
    config = {"task": "toy/decay", "backend": "toy/dopri5/numeric", "options": {}}
    lines = [
        {"config": config | {"seed": seed}, "hash": str(seed), "row": "", "status": "ok", "metrics": {"loss": loss},
         "schema": 1}
        for seed, loss in enumerate((0.40, 0.42, 0.44))
    ]  # fmt: skip
    (run / "records.jsonl").write_text("\n".join(map(json.dumps, lines)))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_table(place, command):
    """Number, statement, verdict, source and documents, figure with interval and seeds, run, later, command."""
    ended = command("claims")
    assert ended.code == 0
    assert ended.out.splitlines() == [
        "holds: 3. The loss is small.",
        "  Nobody 2020, p. 1 · documents 003: pendulum",
        "  loss at the end: < 1  results/made/run1",
        "    toy/dopri5/numeric  0.42 [0.37, 0.47]  n = 3  holds",
        "  Later: Doubted since.",
        "  odebench run suites/made --preset quick",
        "",
        "1 claims: holds 1, does not hold 0, not decided 0",
    ]
    assert "n = 3: 0.4, 0.42, 0.44" in command("claims", "--verbose").out


def test_a_line_a_claim(place, command):
    """Where there are several, at the end, each on one line however long it is."""
    long = CLAIM.replace("is small", "is small " + "and stays so " * 20).replace("number = 3", "number = 4")
    (place / "suites" / "made" / "claims" / "long.toml").write_text(long)
    first, second, last = command("claims").out.splitlines()[-3:]
    assert first == "holds: 3. The loss is small."
    assert second.startswith("holds: 4. The loss is small and stays so")
    assert second.endswith("…")
    assert last == "2 claims: holds 2, does not hold 0, not decided 0"


def test_no_run(place, command):
    """A claim without one is not decided, and the exit code is 0."""
    (place / "empty").mkdir()
    ended = command("claims", "empty")
    assert ended.code == 0
    assert "not decided: 3. The loss is small.\n" in ended.out
    assert "not decided (no such run)" in ended.out


def test_json(place, command):
    """All of it, as data."""
    (claim,) = json.loads(command("claims", "--format", "json").out)
    assert {key: claim[key] for key in ("claim", "number", "verdict", "command")} == {
        "claim": "made/small",
        "number": 3,
        "verdict": "holds",
        "command": "odebench run suites/made --preset quick",
    }
    (row,) = claim["rows"]
    assert row["seeds"] == {"0": 0.40, "1": 0.42, "2": 0.44}
    assert row["estimate"] == pytest.approx(0.42)
    assert (row["low"], row["high"]) == pytest.approx((0.37032, 0.46968), abs=1e-4)
    (open_,) = json.loads(command("claims", "suites", "--format", "json").out)
    assert open_["rows"][0]["estimate"] is None


def test_markdown(place, command):
    """A section a claim, a line a group."""
    lines = command("claims", "--format", "markdown").out.splitlines()
    assert "## 3. The loss is small." in lines
    assert "| loss at the end | toy/dopri5/numeric | 0.42 [0.37, 0.47] | < 1 | 3 | holds | results/made/run1 |" in lines


def test_only(place, command):
    """By number or name; what matches nothing is bad input."""
    for only in ("3", "made/*"):
        assert command("claims", "--only", only).out == command("claims").out
    ended = command("claims", "--only", "made/smal")
    assert (ended.code, ended.out) == (2, "")
    assert "did you mean 'made/small'?" in ended.err
    (place / "suites" / "made" / "claims" / "small.toml").unlink()
    assert command("claims").err == "Error: there is no claim in suites/*/claims\n"


def test_bad_files(place, command):
    """Each is named, after the verdicts of the others; the exit code is 2."""
    (place / "suites" / "made" / "claims" / "bad.toml").write_text(CLAIM.replace("value", "mean"))
    (place / "results" / "made" / "run1" / "run.json").write_text("{}")
    ended = command("claims")
    assert ended.code == 2
    assert "not decided: 3. The loss is small." in ended.out
    assert "Error: suites/made/claims/bad.toml: check.0.statistic: unknown value 'mean'" in ended.err
    assert "run.json does not say what was asked for" in ended.err
    assert command("claims", "nowhere").code == 2
    assert command("coverage").code == 2


def test_coverage(place, command):
    """To the terminal, or to a file."""
    text = command("coverage").out
    assert "| pendulum | claim made/small |" in text
    assert command("coverage", "--output", "c.md").out == "c.md\n"
    assert (place / "c.md").read_text() == text
    assert "cannot write" in command("coverage", "-o", "nowhere/c.md").err


@pytest.fixture
def repository(monkeypatch):
    monkeypatch.chdir(ROOT)
    return ROOT


def test_the_repository_s_claims(repository, command):
    """Every file is a claim, and the committed runs give each a verdict, with the command that makes its records."""
    ended = command("claims", *sorted(Path("results").glob("*/reference-*")), "--format", "json")
    assert (ended.code, ended.err) == (0, "")
    judged = json.loads(ended.out)
    files = sorted(Path("suites").glob("*/claims/*.toml"))
    assert sorted(one["claim"] for one in judged) == sorted(f"{f.parents[1].name}/{f.stem}" for f in files)
    assert {one["verdict"] for one in judged} <= {str(verdict) for verdict in Verdict}
    assert all(one["rows"] and one["command"].startswith("odebench run suites/") for one in judged)
    assert {"holds", "does not hold"} <= {one["verdict"] for one in judged}


def test_the_repository_s_coverage(repository, command):
    """The committed file is what the command writes."""
    assert (repository / "results" / "coverage.md").read_text() == command("coverage").out

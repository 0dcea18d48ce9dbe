"""``odebench compare``: on runs that were really made, and on folders that are none."""

import json
import shutil

import pytest

from odebench.compare.metrics import Kind

TIMED = {str(kind) for kind in Kind if kind.is_timed}


@pytest.fixture(scope="module")
def runs(tmp_path_factory, support, started):
    """The toy suite run three times: as it is, again, and with a Runge-Kutta method that takes 20 % more equal steps.

    The last is planted in the plugin's code, so that what is compared is what a worker measured.
    """
    folder = tmp_path_factory.mktemp("compare")
    plugin = (support / "toy.py").read_text()
    dearer = plugin.replace("num_steps=None, max_steps=10_000):", "num_steps=None, max_steps=10_000):\n"
                            "        num_steps = num_steps and num_steps * 6 // 5")  # fmt: skip
    assert dearer != plugin
    (folder / "dearer.py").write_text(dearer)
    found = {}
    for name, file in (("a", support / "toy.py"), ("again", support / "toy.py"), ("planted", folder / "dearer.py")):
        command = ("run", support / "toysuite", "--plugin", file, "--results", folder / name)
        out, err = (process := started(folder, *command)).communicate(timeout=120)
        assert process.returncode == 0, out + err
        found[name] = next((folder / name / "toysuite").iterdir())
    return found


def test_a_run_again_is_the_same(runs, command):
    """The same code on the same machine: no counter, error, outcome, byte or status differs, and nothing is gone."""
    gates = [word for verdict in ("regressed", "gone", "not-comparable") for word in ("--fail-on", verdict)]
    ended = command("compare", runs["a"], runs["again"], "--format", "json", *gates)
    told = json.loads(ended.out)
    assert (ended.code, ended.err) == (0, "")
    assert [row for row in told["rows"] if row["kind"] not in TIMED] == []
    assert told["cells"] == {"both": 3, "added": [], "gone": []}
    assert told["notes"] == []


def test_a_planted_regression_is_named(runs, command):
    """20 % more evaluations on one backend: that cell alone fails, by name, with old, new and ratio; exit code 1."""
    ended = command("compare", runs["a"], runs["planted"], "--fail-on", "regressed:nfe_forward=10%")
    assert ended.code == 1
    assert ended.err == (
        "failed: toysuite: toy/decay toy/rk4/numeric 20 steps nfe_forward: 80 → 96 (×1.2) "
        "(--fail-on regressed:nfe_forward=10%)\n"
    )
    assert "regressed toysuite: toy/decay toy/rk4/numeric 20 steps" in " ".join(ended.out.split())
    bare = command("compare", runs["a"], runs["planted"], "--fail-on", "regressed")
    assert bare.code == 1
    assert {line.split(" 20 steps ")[0] for line in bare.err.splitlines()} == {
        "failed: toysuite: toy/decay toy/rk4/numeric"
    }


def test_less_than_is_allowed(runs, command):
    """25 % are allowed; so are all regressions where nothing is said."""
    assert command("compare", runs["a"], runs["planted"], "--fail-on", "regressed:nfe_forward=25%").code == 0
    assert command("compare", runs["a"], runs["planted"]).code == 0


def test_a_gate_that_could_never_fail(runs, command):
    """One metric misspelt is bad input, before anything is shown."""
    ended = command("compare", runs["a"], runs["planted"], "--fail-on", "regressed:nfe_foward=10%")
    assert (ended.code, ended.out) == (2, "")
    assert "no cell has such a metric; did you mean 'nfe_forward'?" in ended.err


def test_formats(runs, command):
    """A table for a terminal, Markdown, JSON; --all lists what is the same."""
    table = command("compare", runs["a"], runs["planted"])
    assert table.out.startswith(f"A {runs['a']} → B {runs['planted']}\n")
    assert "toysuite/quick" in table.out
    assert len(command("compare", runs["a"], runs["planted"], "--all").out) > len(table.out)
    written = command("compare", runs["a"], runs["planted"], "--format", "markdown", "--fail-on", "regressed")
    assert written.out.startswith("### odebench: ")
    assert "nfe_forward | 80 | 96 | ×1.2 |" in written.out
    assert json.loads(command("compare", runs["a"], runs["planted"], "--format", "json").out)["rows"]


def test_a_run_says_which_task_it_measured(runs):
    """In its environment, as a digest of the task's code."""
    told = json.loads((runs["a"] / "environment.json").read_text())["tasks"]
    assert told.keys() == {"toy/decay", "toy/line"}
    assert told == json.loads((runs["planted"] / "environment.json").read_text())["tasks"]


def test_gone(runs, command, tmp_path):
    """A cell that B lost is listed and counted, and fails where it is asked to."""
    shutil.copytree(runs["a"], tmp_path / "b")
    records = (tmp_path / "b" / "records.jsonl").read_text().splitlines()
    (tmp_path / "b" / "records.jsonl").write_text("\n".join(records[:-1]) + "\n")
    ended = command("compare", runs["a"], tmp_path / "b", "--fail-on", "gone")
    assert ended.code == 1
    assert ended.out.count("gone: toysuite: toy/decay") == 1
    assert ended.err.endswith("gone (--fail-on gone)\n")
    assert "unfinished: 2 of 3 cells" in ended.out


def test_no_cell_in_common(runs, command, tmp_path):
    """Is bad input, said once what there is has been shown."""
    shutil.copytree(runs["a"], tmp_path / "b")
    lines = (runs["a"] / "records.jsonl").read_text().splitlines()
    other = [json.dumps(json.loads(line) | {"hash": f"h{i}"}) for i, line in enumerate(lines)]
    (tmp_path / "b" / "records.jsonl").write_text("\n".join(other))
    ended = command("compare", runs["a"], tmp_path / "b")
    assert (ended.code, ended.err) == (2, f"Error: {runs['a']} and {tmp_path / 'b'} have no cell in common\n")
    assert "3 added, 3 gone" in ended.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere",), "'nowhere' is no run"),
        ((".", "--fail-on", "worse"), "--fail-on worse: unknown verdict 'worse'; "),
        ((".", "--fail-on", "regressed:nfe=ten"), "--fail-on regressed:nfe=ten: write one of"),
    ],
)
def test_bad_input(runs, command, arguments, said):
    """Exits with 2 and says what is wrong, before anything is compared."""
    ended = command("compare", runs["a"], *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err


def test_exit_codes_are_stated(command):
    """In the help."""
    assert "Exit codes: 0 done" in command("compare", "--help").out

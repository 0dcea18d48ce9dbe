"""What A and B may be, and what is said of those that are not whole."""

import json
import subprocess

import pytest

from odebench.compare.comparison import compare
from odebench.compare.sides import find_side
from odebench.errors import UserError

from .conftest import PLACE, record, write_run


def git(*arguments):
    identity = ["-c", "user.name=N", "-c", "user.email=n@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *identity, *arguments], check=True, capture_output=True, text=True)  # noqa: S607
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository with a run committed at ``first``; the same path holds another one at ``second``."""
    monkeypatch.chdir(tmp_path)
    git("init", "-q", "-b", "trunk")
    folder = tmp_path / "results" / "made" / "reference-quick-cpu"
    (tmp_path / "note").write_text("")
    git("add", "note")
    git("commit", "-q", "-m", "empty")
    git("tag", "empty")
    for tag, nfe in (("first", 100), ("second", 120)):
        lines = json.dumps(record(metrics={"nfe_forward": nfe}).to_dict()) + "\n"
        if folder.exists():
            (folder / "records.jsonl").write_text(lines)
        else:
            write_run(folder, [record(metrics={"nfe_forward": nfe})])
        git("add", "results")
        git("commit", "-q", "-m", tag)
        git("tag", tag)
    return tmp_path


def nfe(side):
    return [one.metrics["nfe_forward"] for run in side.runs for one in run.run.records]


def test_a_folder_and_its_records(tmp_path, monkeypatch):
    """Either names the run; so does a folder above it."""
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path / "results" / "made" / "r1", [record(metrics={"nfe_forward": 7})])
    for reference in ("results/made/r1", "results/made/r1/records.jsonl", "results/made", "results"):
        found = find_side(reference)
        assert (nfe(found), found.notes, found.runs[0].place) == ([7], [], "made/quick")


def test_the_newest_of_several(tmp_path):
    """Of each suite and preset; a whole run before a newer one that was narrowed."""
    for day, name, selection in (("01", "old", {}), ("02", "new", {}), ("03", "part", {"only": ["task=x"]})):
        one = record(metrics={"nfe_forward": int(day)})
        one.started = f"2026-01-{day}"
        write_run(tmp_path / "made" / name, [one], selection=selection)
    write_run(tmp_path / "made" / "other", [record(metrics={"nfe_forward": 9})], preset="whole")
    assert sorted(nfe(find_side(str(tmp_path)))) == [2, 9]
    part = find_side(str(tmp_path / "made" / "part"))
    assert part.notes == [f"{tmp_path}/made/part: narrowed to task=x"]


def test_revisions(repository):
    """A run committed at a revision, the runs committed there, and those that were made there."""
    assert nfe(find_side("first")) == [100]
    assert nfe(find_side("HEAD~1:results/made/reference-quick-cpu")) == [100]
    assert nfe(find_side("second:results")) == [120]
    commit = git("rev-parse", "first")
    made = PLACE | {"odebench_git": {"commit": commit, "dirty": False}}
    write_run(repository / "results" / "made" / "mine", [record(metrics={"nfe_forward": 3})], environment=made)
    found = find_side("first")
    assert nfe(found) == [3]
    assert found.runs[0].origin == f"results/made/mine, made at {commit[:10]}"
    changed = PLACE | {"odebench_git": {"commit": git("rev-parse", "second"), "dirty": True}}
    write_run(repository / "results" / "made" / "edited", [record(metrics={"nfe_forward": 4})], environment=changed)
    assert nfe(find_side("second")) == [120]


def test_the_records_of_a_committed_run(repository):
    """Name the run, with all that is known of it."""
    found = find_side("first:results/made/reference-quick-cpu/records.jsonl")
    assert (nfe(found), found.notes, found.runs[0].place) == ([100], [], "made/quick")


def test_a_committed_folder_with_an_odd_name(repository):
    """Is no pattern to git."""
    write_run(repository / ":(top) [x]*" / "r 1", [record(metrics={"nfe_forward": 8})], preset="odd")
    git("add", "--all")
    git("commit", "-q", "-m", "odd")
    assert nfe(find_side("HEAD::(top) [x]*")) == [8]


def test_a_committed_link_that_leads_away(repository):
    """Is not followed, but refused."""
    records = repository / "results" / "made" / "reference-quick-cpu" / "records.jsonl"
    records.unlink()
    records.symlink_to("/etc/hostname")
    git("add", "--all")
    git("commit", "-q", "-m", "link")
    with pytest.raises(UserError, match=r"HEAD: .*records\.jsonl"):
        find_side("HEAD")


def test_revisions_from_a_folder_below(repository, monkeypatch):
    """Paths in a revision are from the top of the repository, as git's are."""
    (repository / "below").mkdir()
    monkeypatch.chdir(repository / "below")
    assert nfe(find_side("first:results/made/reference-quick-cpu")) == [100]


def test_a_path_wins_over_a_revision(repository):
    """Of one name."""
    write_run(repository / "first", [record(metrics={"nfe_forward": 5})])
    assert nfe(find_side("first")) == [5]


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("no-such-thing", "'no-such-thing' is no run, no records.jsonl, and no revision of git"),
        ("empty", "empty: no run is committed there, in results"),
        ("first:results/other", "first:results/other: no run is committed there, in results/other"),
        ("first:../..", "first:../..: "),
        ("--help", "'--help' is no run"),
        ("note", "note is no run: give its folder or its records.jsonl"),
        (".git", ".git is no run, and there is none below it"),
        ("", "'' is no run"),
        ("x" * 10_000, "'xxx"),
        ("first:results/made/*", "first:results/made/*: no run is committed there"),
    ],
)
def test_what_is_no_run(repository, reference, said):
    """Is refused in a line that names it."""
    with pytest.raises(UserError) as refused:
        find_side(reference)
    assert str(refused.value).startswith(said)


def test_without_a_repository(tmp_path, monkeypatch):
    """A revision means nothing."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(UserError, match="no revision of git"):
        find_side("main")


def test_without_git(tmp_path, monkeypatch):
    """Folders work; a revision says what is missing."""
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path / "r1", [record(metrics={"nfe_forward": 5})])
    monkeypatch.setenv("PATH", "")
    assert nfe(find_side("r1")) == [5]
    with pytest.raises(UserError, match="git is not installed: give runs as folders"):
        find_side("main")


def test_runs_on_two_devices(tmp_path):
    """The newer one on a GPU does not hide the one on the CPU."""
    for device in ("cpu", "cuda"):
        write_run(tmp_path / device, [record(device, metrics={"nfe_forward": 1}, device=device)])
    assert set(find_side(str(tmp_path)).cells()) == {"cpu", "cuda"}


def test_bare_records(tmp_path):
    """A file of records alone is compared for what it tells."""
    folder = write_run(tmp_path / "r1", [record(metrics={"nfe_forward": 5})])
    (folder / "run.json").unlink()
    (folder / "environment.json").unlink()
    found = find_side(str(folder / "records.jsonl"))
    assert nfe(found) == [5]
    assert found.notes == [
        f"{folder}/records.jsonl: run.json is missing: what was asked for is not known",
        f"{folder}/records.jsonl: where it was made is not known",
    ]


def test_a_run_half_written(tmp_path):
    """Cells that are missing and lines that are damaged are counted; what is whole is compared."""
    folder = write_run(tmp_path / "r1", [record(metrics={"nfe_forward": 5})], cells=3)
    with (folder / "records.jsonl").open("a") as file:
        file.write('{"config": {"suite": "ma\n[]\n17\n')
    found = find_side(str(folder))
    assert nfe(found) == [5]
    assert "unfinished: 1 of 3 cells" in found.notes[0]
    assert found.notes[1] == f"{folder}: 3 lines of its records are damaged, and left out"


@pytest.mark.parametrize(
    "damage",
    [
        {"metrics": {"nfe_forward": "many"}},
        {"metrics": [1]},
        {"samples": {"forward": 1.0}},
        {"samples": {"forward": ["x"]}},
        {"reason": None},
        {"config": {"task": "t", "backend": "b"}},
        {"config": {}},
        {"config": record().config | {"rtol": "x"}},
    ],
)
def test_records_that_hold_nonsense(tmp_path, damage):
    """Are left out and counted, and the rest is compared."""
    folder = write_run(tmp_path / "r1", [record(metrics={"nfe_forward": 5})])
    with (folder / "records.jsonl").open("a") as file:
        file.write(json.dumps(record("c2").to_dict() | damage) + "\n")
    found = find_side(str(folder))
    assert nfe(found) == [5]
    (note,) = found.notes
    assert note.startswith(f"{folder}: 1 ")
    assert note.endswith("left out")
    assert compare(found, found).rows
    (folder / "run.json").unlink()
    lines = (folder / "records.jsonl").read_text().splitlines()
    (folder / "records.jsonl").write_text("\n".join(reversed(lines)) + "\n")
    assert nfe(find_side(str(folder))) == [5]


@pytest.mark.parametrize("name", ["run.json", "environment.json"])
@pytest.mark.parametrize("text", ["", "{", "[]", "17"])
def test_files_of_a_run_that_cannot_be_read(tmp_path, name, text):
    """Its records are compared all the same."""
    folder = write_run(tmp_path / "r1", [record(metrics={"nfe_forward": 5})])
    (folder / name).write_text(text)
    found = find_side(str(folder))
    assert nfe(found) == [5]
    assert found.notes
    assert compare(found, found).rows


def test_an_environment_of_other_shapes(tmp_path):
    """A table that is none is as good as none."""
    odd = {"cpu": 5, "frameworks": [], "flags": None, "tasks": "x", "packages": 3, "odebench_git": "abc"}
    folder = write_run(
        tmp_path / "r1", [record(metrics={"nfe_forward": 5}, samples={"forward": [1.0]})], environment=odd
    )
    other = write_run(tmp_path / "r2", [record(metrics={"nfe_forward": 5}, samples={"forward": [1.0]})])
    assert compare(find_side(str(folder)), find_side(str(other))).rows


def test_no_record(tmp_path):
    """An empty run has nothing to compare, and it is said why; where nothing more is known, that it is empty."""
    folder = write_run(tmp_path / "r1", [], cells=3)
    with pytest.raises(UserError, match=r"unfinished: 0 of 3 cells.*\n.*no cell ended well: there is no record"):
        find_side(str(folder))


def test_a_newer_schema(tmp_path):
    """Is refused, with what to do."""
    folder = write_run(tmp_path / "r1", [])
    (folder / "records.jsonl").write_text('{"schema": 99}\n')
    with pytest.raises(UserError, match="is of schema 99; this odebench reads up to 1: upgrade it"):
        find_side(str(folder))


def test_no_cell_that_ended_well(tmp_path):
    """Is said, and compared by how they ended."""
    folder = write_run(tmp_path / "r1", [record(status="error", reason="no")])
    found = find_side(str(folder))
    assert found.notes == [f"{folder}: no cell ended well: 1 error"]
    assert [row.verdict for row in compare(found, found).rows] == ["same"]

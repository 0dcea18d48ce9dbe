"""A run on disk loses nothing that was measured, and its tables say what its records say."""

import json
import math
import os
from dataclasses import fields, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import odebench
from odebench import boundary
from odebench.errors import UserError
from odebench.record import SCHEMA, CellStatus, Record
from odebench.store import RECORDS, Store

RESULTS = Path(__file__).parents[2] / "results"

CONFIG = {
    "suite": "s", "task": "t/a", "backend": "l/s/g", "framework": "f", "library": "l", "solver": "s", "gradient": "g",
    "device": "cpu", "dtype": "float64", "rtol": 1e-6, "atol": 1e-6, "num_steps": None, "seed": 0, "options": {"n": 3},
}  # fmt: skip


def record(hash_="a" * 12, **changes):
    return Record(config=CONFIG | changes.pop("config", {}), hash=hash_, row="Row", **changes)


NUMBERS = st.floats(allow_nan=False) | st.integers(-(2**53), 2**53)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
RECORDS_OF_ALL_KINDS = st.builds(
    Record,
    config=st.dictionaries(st.text().filter(lambda key: key not in boundary._Config.__annotations__), JSON, max_size=4),
    hash=st.text(),
    row=st.text(),
    status=st.sampled_from(CellStatus),
    reason=st.text(),
    metrics=st.dictionaries(st.text(), NUMBERS, max_size=4),
    samples=st.dictionaries(st.text(), st.lists(st.floats(allow_nan=False)), max_size=2),
    curve=st.lists(
        st.fixed_dictionaries({"step": st.integers(-(2**53), 2**53), "loss": st.floats(allow_nan=False)}), max_size=3
    ),
    started=st.text(),
    seconds=st.floats(0, 1e9),
)


@given(st.lists(RECORDS_OF_ALL_KINDS, max_size=3, unique_by=lambda record: record.hash))
def test_what_is_appended_is_read_again(records):
    """Every record, in the order of appending, whatever text and numbers are in it; one line each."""
    with TemporaryDirectory() as folder:
        store = Store(Path(folder))
        for number, one in enumerate(records, 1):
            store.append(one)
            assert len((store.folder / RECORDS).read_text().split("\n")) == number + 1
        assert store.records() == records


def test_numbers_that_are_not_finite(tmp_path):
    """NaN and the infinities are numbers that a diverged cell may have."""
    store = Store(tmp_path)
    store.append(record(metrics={"a": float("nan"), "b": float("-inf")}))
    (read,) = store.records()
    assert read.metrics["a"] != read.metrics["a"]
    assert read.metrics["b"] == float("-inf")


@pytest.mark.parametrize("cut", [1, 2, 40, -1])
def test_a_truncated_last_line_costs_that_line_alone(tmp_path, cut):
    """Neither the records before it, nor the one that a resumed run appends after it."""
    store = Store(tmp_path)
    for name in "abc":
        store.append(record(name * 12))
    file = tmp_path / RECORDS
    text = file.read_text()
    last = text[text.rstrip("\n").rindex("\n") + 1 :]
    file.write_text(text[: -len(last)] + last.rstrip("\n")[:cut])
    assert [r.hash[0] for r in store.records()] == ["a", "b"]
    store.append(record("d" * 12))
    store.append(record("e" * 12))
    assert [r.hash[0] for r in store.records()] == ["a", "b", "d", "e"]


def test_the_disk_is_waited_for_once_a_second(tmp_path, monkeypatch):
    """Whenever as much has been measured as may be lost; and what an append writes is its own line, not the file."""
    now, synced, written = [100.0], [], []
    monkeypatch.setattr("odebench.store.time.monotonic", lambda: now[0])
    monkeypatch.setattr("odebench.store.os.fsync", lambda _: synced.append(now[0]))
    store = Store(tmp_path)
    for _ in range(9):
        before = (tmp_path / RECORDS).stat().st_size if written else 0
        store.append(record())
        written.append((tmp_path / RECORDS).stat().st_size - before)
        now[0] += 0.4
    assert synced == pytest.approx([100.0, 101.2, 102.4])
    assert len(set(written)) == 1


def test_the_last_record_of_a_cell_counts(tmp_path):
    """A cell that ran again replaces itself."""
    store = Store(tmp_path)
    store.append(record(status=CellStatus.timeout))
    store.append(record("b" * 12))
    store.append(record(status=CellStatus.ok))
    assert [(r.hash[0], r.status) for r in store.records()] == [("a", CellStatus.ok), ("b", CellStatus.ok)]


def test_a_newer_schema_is_refused(tmp_path):
    """With the file, both schemas and what to do."""
    newer = record(schema=SCHEMA + 1).to_dict() | {"unheard_of": 1}
    (tmp_path / RECORDS).write_text(json.dumps(newer) + "\n")
    message = f"records.jsonl is of schema {SCHEMA + 1}; this odebench reads up to {SCHEMA}: upgrade it"
    with pytest.raises(UserError, match=message):
        Store(tmp_path).records()
    with pytest.raises(UserError, match=message):
        odebench.load_results(tmp_path)


def test_a_new_run_never_takes_the_folder_of_another(tmp_path):
    """However many are made within a second; and what was asked for is written down at once."""
    stores = [Store.create(tmp_path, "suite", {"number": number}) for number in range(3)]
    assert len({store.folder for store in stores}) == 3
    assert [store.read("run.json")["number"] for store in stores] == [0, 1, 2]
    assert Store.open(stores[1].folder / RECORDS).folder == stores[1].folder


def test_a_folder_that_cannot_be_made_is_the_users_error(tmp_path):
    """Below a regular file nobody can make one, not even root."""
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write results to .*file/below/suite: Not a directory"):
        Store.create(tmp_path / "file" / "below", "suite", {})


def test_what_is_no_run_is_told_with_the_latest_runs(tmp_path, monkeypatch):
    """The message can be pasted from."""
    monkeypatch.chdir(tmp_path)
    run = Store.create(Path("results"), "suite", {}).folder
    with pytest.raises(UserError, match=f"results is no run; the latest: {run}"):
        Store.open(Path("results"))
    (run / "run.json").unlink()
    with pytest.raises(UserError, match=r"nowhere is no run; the latest: none"):
        Store.open(Path("nowhere"))


@pytest.fixture
def runs(tmp_path):
    """Two runs of a suite: one with an ODE and samples, one without, with options of every kind."""
    folder = tmp_path / "results" / "s"
    first, second = Store(folder / "1"), Store(folder / "2")
    for store in (first, second):
        store.folder.mkdir(parents=True)
        store.write("run.json", {})
    samples = {"forward": [0.1, 1 / 3], "forward_backward": [0.3]}
    first.append(record("a" * 12, metrics={"loss": 1 / 3, "nfe_forward": 26, "forward_s": 0.1 + 0.2}, samples=samples))
    failed = {"status": CellStatus.timeout, "reason": 'too, "slow"\nby far'}
    first.append(record("b" * 12, config={"seed": 1}, metrics={"loss": 1e-300}, **failed))
    options = {"nested": {}, "mixed": [1, "a"], "flag": True, "text": "x"}
    empty = {"rtol": None, "atol": None, "solver": "", "options": options}
    second.append(record("c" * 12, config=empty, metrics={"loss": 2.0}))
    for store in (first, second):
        store.write_tables()
    return first, second


def test_tables_give_the_same_figures(runs):
    """Parquet and CSV, read by pandas, and load_results: equal to the last bit, column by column."""
    for store in runs:
        loaded = odebench.load_results(store.folder)
        parquet = pd.read_parquet(store.folder / "records.parquet")
        csv = pd.read_csv(store.folder / "records.csv", dtype=str, keep_default_na=False)
        assert list(parquet.columns) == list(csv.columns) == list(loaded.columns)
        pd.testing.assert_frame_equal(parquet, loaded, check_exact=True, check_dtype=False)
        for name in ("loss", "seed", "seconds"):
            assert [float(text) for text in csv[name]] == loaded[name].tolist()
        for name in ("row", "status", "reason", "hash", "run", "backend"):
            assert csv[name].tolist() == loaded[name].tolist()
    samples = pd.read_parquet(runs[0].folder / "samples.parquet")
    assert samples.to_dict("list") == {
        "hash": ["a" * 12] * 3,
        "kind": ["forward", "forward", "forward_backward"],
        "index": [0, 1, 0],
        "seconds": [0.1, 1 / 3, 0.3],
    }
    assert list(pd.read_parquet(runs[1].folder / "samples.parquet").columns) == list(samples.columns)


def test_load_results(runs):
    """From a run, its file, its suite or all results; one row a record, whichever run it is from."""
    first, second = runs
    assert odebench.load_results(str(first.folder))["hash"].tolist() == ["a" * 12, "b" * 12]
    assert odebench.load_results(first.folder / RECORDS)["seed"].tolist() == [0, 1]
    for above in (first.folder.parent, first.folder.parent.parent):
        both = odebench.load_results(above)
        assert both["run"].tolist() == ["1", "1", "2"]
        assert both["loss"].tolist() == [1 / 3, 1e-300, 2.0]
        assert both["rtol"].isna().tolist() == [False, False, True]
        assert both["option_n"].dropna().tolist() == [3, 3]
    assert second.folder.name in set(both["run"])


def test_load_results_of_nothing(tmp_path):
    """A path without runs, one that is not there, and a records file that is not there are named."""
    for path in (tmp_path, tmp_path / "nowhere", tmp_path / RECORDS):
        with pytest.raises(UserError, match=f"{path}: there is no records.jsonl at or below it"):
            odebench.load_results(path)


def test_an_unknown_attribute_of_odebench():
    """``load_results`` is imported late; anything else is missing as usual."""
    with pytest.raises(AttributeError, match="has no attribute 'load_result'"):
        _ = odebench.load_result


def test_a_run_that_does_not_say_what_was_asked_for(tmp_path):
    """Its file is named, in a line, whether it is no JSON or lacks the keys."""
    for text, message in (("{", "not valid JSON"), ("{}", "does not say what was asked for"), ("[]", "no JSON object")):
        (tmp_path / "run.json").write_text(text)
        with pytest.raises(UserError, match=message):
            Store(tmp_path).request()


ASKED = {"suite": "s", "preset": "p", "plugins": [], "strict": False, "selection": {}}


@pytest.mark.parametrize(
    "wrong",
    [
        {"cells": "9"}, {"suite": 3}, {"preset": None}, {"command": [1, 2]}, {"command": "odebench"}, {"columns": [1]},
        {"columns": "loss"}, {"fits": [{"x": 1}]}, {"fits": ["x"]}, {"selection": []}, {"selection": {"only": "a"}},
        {"plugins": [None]}, {"rivals": [{"ours": "a"}]},
    ],
)  # fmt: skip
def test_a_request_of_the_wrong_types_is_said(tmp_path, wrong):
    """The file and the key are named; a key that is not known is no fault, and is kept."""
    store = Store(tmp_path)
    store.write("run.json", ASKED | {"newer": 1})
    assert store.request()["newer"] == 1
    store.write("run.json", ASKED | wrong)
    with pytest.raises(UserError, match=rf"run.json does not say what was asked for: {next(iter(wrong))}"):
        store.request()


RECORD = {"config": {"task": "t", "backend": "b"}, "hash": "1", "row": "r", "status": "ok", "schema": 1}


@pytest.mark.parametrize(
    "wrong",
    [
        {"metrics": []}, {"metrics": {"loss": None}}, {"metrics": {"loss": "1"}}, {"metrics": 1}, {"curve": {}},
        {"curve": [1]}, {"curve": [{"loss": "1"}]}, {"samples": {"forward": 1}}, {"samples": {"forward": ["1"]}},
        {"row": 1}, {"reason": None}, {"hash": []}, {"status": "fine"}, {"status": 1}, {"schema": "1"}, {"schema": []},
        {"started": 2}, {"seconds": "1"}, {"config": []},
        *({"config": RECORD["config"] | wrong} for wrong in (
            {"task": 1}, {"backend": None}, {"rtol": "1e-3"}, {"num_steps": 1.5}, {"num_steps": 10**400}, {"seed": "0"},
            {"options": [1]}, {"options": None}, {"solve": 3}, {"device": 1}, {"dtype": []},
        )),
    ],
)  # fmt: skip
def test_a_record_of_the_wrong_types_is_damaged(tmp_path, wrong):
    """It is counted, and costs no record beside it."""
    (tmp_path / "records.jsonl").write_text(f"{json.dumps(RECORD)}\n{json.dumps(RECORD | {'hash': '2'} | wrong)}\n")
    records, damaged = Store(tmp_path).read_records()
    assert ([record.hash for record in records], damaged) == (["1"], 1)


def test_a_line_nested_without_end_is_damaged(tmp_path):
    """Whatever else there is in the file is read."""
    (tmp_path / "records.jsonl").write_text(f"{json.dumps(RECORD)}\n{'[' * 100_000}\n")
    assert Store(tmp_path).read_records()[1] == 1


def test_figures_are_read_as_they_were_written(tmp_path):
    """A whole number stays one, nothing finite is no fault, and a number that is too long for all is infinite."""
    metrics = {"nfe": 26, "loss": 0.5, "none": math.nan, "all": math.inf, "yes": True, "long": 10**400}
    (tmp_path / "records.jsonl").write_text(json.dumps(RECORD | {"metrics": metrics, "newer": {"a": 1}}) + "\n")
    (record,) = Store(tmp_path).records()
    assert repr(record.metrics) == "{'nfe': 26, 'loss': 0.5, 'none': nan, 'all': inf, 'yes': True, 'long': inf}"


@pytest.mark.parametrize("file", sorted(RESULTS.glob("*/reference-*/records.jsonl")), ids=lambda file: str(file.parent))
def test_committed_records_are_read_unchanged(file):
    """Field by field and in the order of the file, the types of the numbers too."""
    records, damaged = Store(file.parent).read_records()
    written = [json.loads(line) for line in file.read_text().splitlines()]
    assert damaged == 0
    merged = [record.to_dict() | one for record, one in zip(records, written, strict=True)]
    assert json.dumps([r.to_dict() for r in records], sort_keys=True) == json.dumps(merged, sort_keys=True)
    assert Store(file.parent).request()["preset"]


def test_half_a_letter_is_no_obstacle(tmp_path):
    """Such as a file's name in the reason of a failure: every table is written, and what is whole is as it was."""
    folder = tmp_path / os.fsdecode(b"run-\xff")
    folder.mkdir()
    store = Store(folder)
    store.append(record("a" * 12, reason="a \ud83d b 😀", curve=[{"step": 1, "loss": 0.5}]))
    store.write_tables()
    assert pd.read_csv(folder / "records.csv")["reason"].tolist() == ["a ? b 😀"]
    assert all((folder / f"{name}.parquet").exists() for name in ("records", "samples", "curves"))
    assert odebench.load_results(folder)["run"].tolist() == ["run-\ufffd"]


def test_fields_of_a_record_are_checked():
    """All of them: one that is new has to say what it may hold."""
    assert boundary._Record.__annotations__.keys() == {field.name for field in fields(Record)}


def test_lines_that_are_no_records_are_passed_over(tmp_path):
    """Bytes that are not UTF-8 and JSON without a schema cost no record beside them."""
    good = json.dumps(Record(config={"options": {}}, hash="1", row="r").to_dict()).encode()
    (tmp_path / "records.jsonl").write_bytes(b'\xff\xfe\n{"hash": 1}\n' + good + b"\n")
    assert [record.hash for record in Store(tmp_path).records()] == ["1"]


def test_options_of_two_kinds_are_text(tmp_path):
    """A number in one cell and a word in another: Parquet holds them, and the tables agree."""
    store = Store(tmp_path)
    for name, value in (("a", 4), ("b", "all"), ("c", None)):
        store.append(record(name * 12, config={"solve": {"checkpoints": value}}, curve=[{"step": 1, "loss": 0.5}]))
    store.write_tables()
    for loaded in (odebench.load_results(tmp_path), odebench.load_curves(tmp_path)):
        assert loaded["solve_checkpoints"].tolist()[:2] == ["4", "all"]
    for name in ("records", "curves"):
        assert pd.read_parquet(tmp_path / f"{name}.parquet")["solve_checkpoints"].fillna("").tolist() == [
            "4",
            "all",
            "",
        ]


POINTS = [
    {"step": 1, "loss": 2.0},
    {"step": 5, "loss": 1.0, "nfe_forward": 26, "nfe_backward": 13, "train_s": 0.1 + 0.2},
]


def test_curves_say_whose_they_are(tmp_path):
    """One row a point, of all runs below, with the whole configuration: two widths of a net are told apart."""
    for run, widths in (("1", (8, 32)), ("2", (8,))):
        store = Store(tmp_path / run)
        store.folder.mkdir()
        for n in widths:
            one = record(f"{n:012d}", config={"options": {"width": n}, "seed": n}, curve=POINTS)
            store.append(one if n == 8 else replace(one, status=CellStatus.diverged))
        store.write_tables()
    curves = odebench.load_curves(tmp_path)
    assert curves["run"].tolist() == ["1"] * 4 + ["2"] * 2
    assert curves["option_width"].tolist() == [8, 8, 32, 32, 8, 8]
    assert curves["status"].tolist() == ["ok", "ok", "diverged", "diverged", "ok", "ok"]
    assert curves["train_s"].dropna().tolist() == [0.1 + 0.2] * 3
    assert curves["nfe_backward"].isna().tolist() == [True, False] * 3
    assert {"row", "task", "backend", "framework", "dtype", "rtol", "seed", "hash", "step", "loss"} <= {*curves.columns}
    pd.testing.assert_frame_equal(
        pd.read_parquet(tmp_path / "2" / "curves.parquet"), odebench.load_curves(tmp_path / "2"), check_dtype=False
    )


def test_no_curves(runs, tmp_path):
    """A run that trained nothing has a table of no rows; a path without runs is the user's error."""
    assert list(odebench.load_curves(runs[0].folder)[["task", "step", "loss"]].columns) == ["task", "step", "loss"]
    assert len(odebench.load_curves(runs[0].folder)) == 0
    with pytest.raises(UserError, match="there is no records"):
        odebench.load_curves(tmp_path / "nowhere")


def test_outputs_are_kept_by_cell(tmp_path):
    """To the last bit, numbers and text, whole or not at all; another cell has none."""
    store = Store(tmp_path)
    arrays = {"a/b": np.array([1 / 3, np.nan]), "names": np.array(["x", "yy"]), "n": np.arange(3, dtype=np.int8)}
    store.keep_outputs("c" * 12, arrays)
    found = store.outputs("c" * 12)
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype
    assert [file.name for file in (tmp_path / "outputs").iterdir()] == [f"{'c' * 12}.npz"]
    assert store.outputs("d" * 12) == {}

"""``suite.toml`` is read into a Suite, or refused in a line that names the file, the key and the valid choices."""

import contextlib
import json
import re
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odebench.errors import UserError
from odebench.plan import Selection, plan
from odebench.suite import Suite, find_suite, plugin_folders, read_suite

LEAST = {
    "title": "A suite",
    "default_preset": "quick",
    "matrix": [{"tasks": ["toy/decay"], "backends": ["toy/rk4/numeric"], "tolerances": [{"rtol": 1e-3, "atol": 1e-4}]}],
    "presets": {"quick": {"measure": ["timing"], "options": {"steps": 3}, "seeds": [1, 2]}, "paper": {}},
    "reference": [{"task": "*", "backends": ["a", "b"], "tolerance": {"rtol": 1e-9, "atol": 1e-9}}],
    "rows": [{"name": "Row", "task": "toy/*"}],
}
FURTHER = {"options": {"size": [1, 2], "deep": {"a": 1}}, "solve": {"max_steps": 64}, "measure": ["timing"]}
NARROW = {"backends": ["toy/*"], "tasks": ["*"], "tightest": 1e-8, "options_for": {"toy/*": {"steps": [4, 5]}}}
VALID = LEAST | {
    "columns": ["forward_s"],
    "fits": [{"x": "num_steps", "y": "forward_s"}],
    "matrix": [LEAST["matrix"][0] | FURTHER | {"equal_steps": [4, 8]}],
    "presets": {"quick": LEAST["presets"]["quick"] | NARROW, "paper": {}},
}


def toml(value, top=True):
    """TOML of a dict: everything below the top in line."""
    if isinstance(value, dict):
        pairs = [f"{json.dumps(key, ensure_ascii=False)} = {toml(item, False)}" for key, item in value.items()]
        return "\n".join(pairs) + "\n" if top else "{" + ", ".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(toml(item, False) for item in value) + "]"
    if isinstance(value, bool | str):
        return json.dumps(value, ensure_ascii=False)
    return repr(value)


def read(data):
    with TemporaryDirectory() as folder:
        file = Path(folder) / "suite.toml"
        file.write_text(data if isinstance(data, str) else toml(data), encoding="utf-8")
        return read_suite(file.parent)


def changed(path, value):
    """The valid suite with another value (or none, where it is ``...``) at a path."""
    data = json.loads(json.dumps(VALID))
    *parents, last = path
    table = data
    for key in parents:
        table = table[key]
    if value is ...:
        del table[last]
    else:
        table[last] = value
    return data


def test_a_valid_suite_says_what_it_says():
    """Values arrive as they were written, and what was left out has its default."""
    suite = read(VALID)
    assert suite == Suite.model_validate(VALID)
    assert suite.matrix[0].tolerances[0].atol == 1e-4
    assert suite.matrix[0].dtypes == ["float32"]
    assert suite.preset(None) == suite.preset("quick") != suite.preset("paper")
    assert "training" in suite.preset("paper").measure


def test_every_suite_of_this_repository_is_valid():
    """Those under suites/ and the toys."""
    root = Path(__file__).parents[2]
    files = [*root.glob("suites/*/suite.toml"), *root.glob("tests/support/*/suite.toml")]
    assert len(files) >= 3
    for file in files:
        read_suite(file.parent)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["titel"], "x", "unknown key 'titel'; did you mean 'title'? valid: columns, covers, default_preset, "),
        (["matrix", 0, "task"], ["x"], "unknown key 'matrix.0.task'; did you mean 'tasks'? valid: backends, "),
        (["matrix", 0, "tolerances", 0, "rtoll"], 1.0, "'matrix.0.tolerances.0.rtoll'; did you mean 'rtol'? valid: a"),
        (["presets", "quick", "time_limits"], 1, "'presets.quick.time_limits'; did you mean 'time_limit'?"),
        (["presets", "seeds"], {"sedes": [1]}, "unknown key 'presets.seeds.sedes'; did you mean 'seeds'?"),
        (["reference", 0, "tasks"], "x", "unknown key 'reference.0.tasks'; did you mean 'task'? valid: backends, task"),
        (["reference", 0, "tolerance", "tol"], 1.0, "'reference.0.tolerance.tol'; did you mean 'rtol'? valid: atol"),
        (["rows", 0, "nam"], "x", "unknown key 'rows.0.nam'; did you mean 'name'? valid: backend, name, task"),
        (["presets", "quick", "measure"], ["timeing"], "unknown value 'timeing'; did you mean 'timing'? valid: acc"),
        (["matrix", 0, "dtypes"], ["float16"], "'float16'; did you mean 'bfloat16'? valid: bfloat16, float32, float64"),
        (["matrix", 0, "dtypes"], [32], "matrix.0.dtypes.0: unknown value 32; valid: bfloat16, float32, float64"),
        (["title"], ..., "missing key 'title'"),
        (["matrix"], ..., "missing key 'matrix'"),
        (["matrix", 0, "tasks"], ..., "missing key 'matrix.0.tasks'"),
        (["matrix", 0, "tolerances", 0, "atol"], ..., "missing key 'matrix.0.tolerances.0.atol'"),
        (["rows", 0, "task"], ..., "missing key 'rows.0.task'"),
        (["matrix"], [], "matrix: list should have at least 1 item"),
        (["matrix", 0, "tasks"], [], "matrix.0.tasks: list should have at least 1 item"),
        (["matrix", 0, "backends"], [], "matrix.0.backends: list should have at least 1 item"),
        (["matrix", 0, "dtypes"], [], "matrix.0.dtypes: list should have at least 1 item"),
        (["matrix", 0, "tolerances"], [], "matrix.0.tolerances: list should have at least 1 item"),
        (["presets", "quick", "seeds"], [], "presets.quick.seeds: list should have at least 1 item"),
        (["reference", 0, "backends"], ["a"], "reference.0.backends: list should have at least 2 items"),
        (["matrix", 0, "tolerances", 0, "rtol"], -1e-3, "rtol: input should be greater than 0 (got -0.001)"),
        (["matrix", 0, "tolerances", 0, "atol"], 0, "atol: input should be greater than 0 (got 0)"),
        (["matrix", 0, "num_steps"], 0, "num_steps: input should be greater than 0 (got 0)"),
        (["presets", "quick", "time_limit"], float("inf"), "presets.quick.time_limit: input should be less than"),
        (["presets", "quick", "min_samples"], "many", "presets.quick.min_samples: input should be a valid integer"),
        (["matrix", 0, "equal_steps"], [8, 0], "matrix.0.equal_steps.1: input should be greater than 0 (got 0)"),
        (["matrix", 0, "measure"], ["time"], "matrix.0.measure.0: unknown value 'time'; did you mean 'timing'?"),
        (["matrix", 0, "solves"], {}, "unknown key 'matrix.0.solves'; did you mean 'solve'? valid: backends, "),
        (["matrix", 0, "options"], [1], "matrix.0.options: input should be a valid dictionary"),
        (["matrix", 0, "options"], {"a": []}, "matrix.0.options: value error, a has no value"),
        (["matrix", 0, "solve"], {"max_steps": []}, "matrix.0.solve: value error, max_steps has no value"),
        (["matrix", 0, "solve"], {"rtol": 1e-3}, "matrix.0.solve: value error, rtol is said by tolerances"),
        (["matrix", 0, "solve"], {"num_steps": 4}, "matrix.0.solve: value error, num_steps is said by equal_steps"),
        (["presets", "quick", "backends"], [], "presets.quick.backends: list should have at least 1 item"),
        (["presets", "quick", "tasks"], [], "presets.quick.tasks: list should have at least 1 item"),
        (["presets", "quick", "options_fr"], {}, "'presets.quick.options_fr'; did you mean 'options_for'?"),
        (["presets", "quick", "options_for"], {"t/*": 3}, "presets.quick.options_for.t/*: input should be a valid d"),
        (["presets", "quick", "count_every"], 0, "presets.quick.count_every: input should be greater than 0 (got 0)"),
        (["uses"], "../mnist", "uses: input should be a valid list"),
        (["columns"], [3], "columns.0: input should be a valid string (got 3)"),
        (["fits"], [{"x": "rtol"}], "missing key 'fits.0.y'"),
        (["fits"], [{"x": "a", "y": "b", "law": "powr"}], "fits.0.law: unknown value 'powr'; did you mean 'power'?"),
        (["rivals"], [{"ours": ["torch/*"]}], "missing key 'rivals.0.peers'"),
        (["fits"], [{"x": "a", "y": "b", "tasks": "*"}], "unknown key 'fits.0.tasks'; did you mean 'task'? valid: "),
        (["default_preset"], "slow", "unknown default_preset 'slow'; valid: paper, quick"),
        (["matrix"], 3, "matrix: input should be a valid list (got 3)"),
        (["presets", "quick"], [], "presets.quick: input should be a valid dictionary"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(path, value, message):
    """An unknown key or value gets the nearest valid one and all of them; each line starts with the file."""
    with pytest.raises(UserError) as error:
        read(changed(path, value))
    line = str(error.value)
    assert re.match(r"\S*suite\.toml: ", line)
    assert message in line
    assert "\n" not in line


def test_all_that_is_wrong_is_named_at_once():
    """One line each."""
    with pytest.raises(UserError) as error:
        read(changed(["presets"], {"quick": {"a": 1, "seeds": []}}))
    assert len(str(error.value).split("\n")) == 2


@pytest.mark.parametrize(
    "text",
    [
        "title = ",
        "[matrix\n",
        "a = 1\na = 2",
        "title = 'x",
        "d = 2020-13-45",
        f"a = {'9' * 5000}",
        "[[matrix]]\n[matrix]",
    ],
)
def test_malformed_toml_is_named(text):
    """With the file and where in it."""
    with pytest.raises(UserError, match=r"suite\.toml: not valid TOML: "):
        read(text)


def test_a_file_that_cannot_be_read_is_the_users_error(tmp_path):
    """Not UTF-8; not there (a suite that went away between a run and its resumption)."""
    with pytest.raises(UserError, match=re.escape(str(tmp_path / "suite.toml"))):
        read_suite(tmp_path)
    (tmp_path / "suite.toml").write_bytes(b'title = "\xff"')
    with pytest.raises(UserError, match=r"suite\.toml: not valid TOML"):
        read_suite(tmp_path)


def test_what_was_added_to_a_suite_is_nothing_when_left_out():
    """So that a suite that was valid before stays what it was."""
    suite = read(LEAST)
    matrix, preset = suite.matrix[0], suite.preset("paper")
    assert (suite.uses, suite.columns, suite.fits, suite.rivals) == ([], [], [], [])
    assert (matrix.options, matrix.solve, matrix.equal_steps, matrix.measure) == ({}, {}, [], None)
    assert (preset.backends, preset.tasks, preset.tightest, preset.options_for) == (["*"], ["*"], 0.0, {})
    assert "evaluation" not in preset.measure


def test_columns_and_fits():
    """Arrive as they were written; a fit is of all tasks, and a power law, unless it says otherwise."""
    few, whole = {"x": "num_steps", "y": "memory_bytes"}, {"x": "a", "y": "b", "task": "toy/*", "law": "offset"}
    rivals = [{"ours": ["torch/*"], "peers": ["torchdiffeq/*", "torchode/*"]}]
    suite = read(VALID | {"columns": ["forward_s", "vjps"], "fits": [few, whole], "rivals": rivals})
    assert suite.columns == ["forward_s", "vjps"]
    assert [fit.model_dump() for fit in suite.fits] == [few | {"task": "*", "law": "power"}, whole]
    assert [one.model_dump() for one in suite.rivals] == rivals


@pytest.fixture
def suites(tmp_path):
    """Three suites side by side, of which the last one uses what it is given."""

    def write(*uses):
        for name, data in (("a", VALID), ("b", VALID), ("mine", VALID | {"uses": list(uses)})):
            (tmp_path / name).mkdir(exist_ok=True)
            (tmp_path / name / "suite.toml").write_text(toml(data))
        return tmp_path

    return write


def test_the_folders_of_a_suite(suites):
    """Those that it uses, in their order, relative to its own or not; then its own, from wherever it is asked."""
    folder = suites()
    assert plugin_folders(folder / "mine") == [folder / "mine"]
    suites("../b", str(folder / "a"))
    assert plugin_folders(folder / "mine") == [folder / "b", folder / "a", folder / "mine"]


def test_a_folder_of_a_suite_that_is_none(suites):
    """Named, with the file that names it: not there, without a suite.toml, or a file."""
    folder = suites("../a", "../absent")
    (folder / "bare").mkdir()
    for name in ("absent", "bare", "a/suite.toml"):
        suites("../a", f"../{name}")
        with pytest.raises(UserError) as error:
            plugin_folders(folder / "mine")
        assert str(error.value) == f"{folder / 'mine' / 'suite.toml'}: uses: {folder / name} is no suite"


def test_options_are_what_a_record_can_hold():
    """A date is valid TOML, but no record could hold it: refused when the suite is read, not when it is run."""
    text = toml(VALID) + "\n"
    assert read(text.replace('"steps" = 3', '"steps" = [1, {"deep" = "x"}]'))
    with pytest.raises(UserError, match=r"presets\.quick\.options\.steps: .*json"):
        read(text.replace('"steps" = 3', '"steps" = 2020-01-01'))


def test_unknown_preset():
    """The valid ones are named."""
    with pytest.raises(UserError, match="unknown preset 'quik'; did you mean 'quick'\\? valid: paper, quick"):
        read(VALID).preset("quik")


SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text(max_size=5)
VALUES = st.recursive(
    SCALARS.filter(lambda value: value is not None),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from([*VALID, "tasks", "backends", "measure", "quick", "rtol", "seeds"]) | st.text(max_size=5)


@given(st.dictionaries(KEYS, VALUES, max_size=6))
def test_arbitrary_toml_is_a_suite_or_the_users_error(data):
    """Nothing but Suite or UserError comes of any TOML."""
    with contextlib.suppress(UserError):
        assert isinstance(read(data), Suite)


def paths(data, prefix=()):
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        yield [*prefix, key]
        yield from paths(value, (*prefix, key))


@given(st.sampled_from(list(paths(VALID))), VALUES)
def test_a_suite_with_one_value_replaced_plans_or_is_refused(registry, path, value):
    """Nothing but UserError comes of it even when it is planned, and every cell of a plan has a hash."""
    try:
        suite = read(changed(path, value))
        for cell in plan("s", suite, suite.preset(None), registry, Selection()):
            assert len(cell.hash) == 12
    except UserError:
        pass


def test_find_suite(tmp_path, monkeypatch):
    """By path, and by name below ./suites; what is none is told from what is not there."""
    folder = tmp_path / "suites" / "mine"
    folder.mkdir(parents=True)
    (folder / "suite.toml").write_text(toml(VALID))
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    assert find_suite("mine") == find_suite("suites/mine") == Path("suites/mine")
    assert find_suite(str(folder)) == folder
    with pytest.raises(UserError, match=r"empty has no suite\.toml"):
        find_suite("empty")
    with pytest.raises(
        UserError, match="there is no suite 'suites/mime'; did you mean 'suites/mine'\\? valid: suites/mine"
    ):
        find_suite("suites/mime")

"""A plan is the product of a matrix in a fixed order, each point once, and each named by a canonical hash."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odebench import descriptors
from odebench.cell import Cell
from odebench.errors import UserError
from odebench.plan import Selection, plan
from odebench.registry import load_registry
from odebench.suite import Suite

CELL = Cell(
    suite="s", task="t", backend="l/s/g", framework="f", library="l", solver="s", gradient="g", device="cpu",
    dtype="float64", rtol=1e-6, atol=1e-6, num_steps=None, seed=0, options={"a": 1, "b": [1, {"c": 2, "d": 3}]},
)  # fmt: skip
SSPRK3 = """
import odebench
@odebench.hookimpl
def odebench_register_solvers(register):
    register(odebench.ExplicitRungeKutta(
        "ssprk3", order=3, c=[0, 1, 1/2], a=[[], [1], [1/4, 1/4]], b=[1/6, 1/6, 2/3]))
"""
TORCH_TASKS = """
import odebench
@odebench.hookimpl
def odebench_register_tasks(register):
    register(odebench.Task(name="t/line", code="a:b", frameworks=("torch",), ode=False, requires=("nor", "optree")))
    register(odebench.Task(name="t/decay", code="a:b", frameworks=("torch",)))
"""


def with_plugin(tmp_path, plugins, source, name="mine.py"):
    (tmp_path / name).write_text(source)
    return load_registry([*plugins, str(tmp_path / name)], strict=True)


def names(cells):
    return [cell.backend for cell in cells]


def test_the_product_in_its_order(make_cells):
    """Tasks, then backends as the suite names them, tolerances, dtypes, devices, seeds; the last turns fastest."""
    cells = make_cells(
        {
            "tasks": ["toy/decay"],
            "backends": ["toy/tsit5/numeric", "toy/bosh3/numeric"],
            "tolerances": [{"rtol": 1e-3, "atol": 1e-4}, {"rtol": 1e-5, "atol": 1e-6}],
            "dtypes": ["float64", "float32"],
        },
        preset={"seeds": [5, 3]},
        selection=Selection(devices=("cpu", "abacus")),
    )
    expected = [
        (solver, rtol, dtype, device, seed)
        for solver in ("tsit5", "bosh3")
        for rtol in (1e-3, 1e-5)
        for dtype in ("float64", "float32")
        for device in ("cpu", "abacus")
        for seed in (5, 3)
    ]
    assert [(c.solver, c.rtol, c.dtype, c.device, c.seed) for c in cells] == expected
    assert {(c.framework, c.library, c.gradient, c.suite, c.task) for c in cells} == {
        ("toy", "toy", "numeric", "made", "toy/decay")
    }


def test_a_point_named_twice_is_one_cell(make_cells):
    """Within a list, by a glob and a name, and in two matrices."""
    block = {"tasks": ["toy/decay", "toy/dec*"], "backends": ["toy/rk4/numeric", "toy/rk?/numeric"]}
    assert names(make_cells(block)) == ["toy/rk4/numeric"]
    again = {"backends": ["toy/dopri5/numeric", "toy/rk4/numeric"]}
    assert names(make_cells([block, again])) == ["toy/rk4/numeric", "toy/dopri5/numeric"]


def test_globs(make_cells):
    """A backend glob is every match in alphabetical order; a task glob, those that are registered."""
    cells = make_cells({"tasks": ["toy/decay"], "backends": ["toy/heun?/*", "toy/dopri5/*"]})
    assert names(cells) == ["toy/heun2/numeric", "toy/heun3/numeric", "toy/dopri5/numeric"]
    cells = make_cells({"tasks": ["toy/*"], "backends": ["toy", "toy/euler/numeric"]})
    assert [(c.task, c.backend) for c in cells] == [
        ("toy/line", "toy"),
        ("toy/decay", "toy/euler/numeric"),
        ("toy/diverging", "toy"),
    ]


def test_only_a_fixed_step_solver_is_given_a_number_of_steps(make_cells):
    """``num_steps`` would switch the adaptivity of the others off; a task without an ODE has neither."""
    cells = make_cells({"tasks": ["toy/decay"], "backends": ["toy/rk4/numeric", "toy/dopri5/numeric"], "num_steps": 6})
    fixed, adaptive = (cell.solve_options for cell in cells)
    assert fixed["num_steps"] == 6
    assert adaptive == {"rtol": 1e-6, "atol": 1e-6}
    (line,) = make_cells({"tasks": ["toy/line"], "backends": ["toy"], "num_steps": 6})
    assert line.solve_options == {}
    assert not line.ode


def test_rows_are_named_by_the_first_match(make_cells):
    """By task and backend; else by the task's title, else by its name."""
    rows = [
        {"name": "fixed", "task": "toy/decay", "backend": "toy/rk4/*"},
        {"name": "late", "task": "*", "backend": "toy/rk4/*"},
    ]
    matrix = {"tasks": ["toy/*"], "backends": ["toy", "toy/rk4/numeric", "toy/dopri5/numeric"]}
    assert [cell.row for cell in make_cells(matrix, rows=rows)] == [
        "a line",
        "fixed",
        "exponential decay",
        "toy/diverging",
    ]


def test_what_cannot_run_is_planned_with_its_reason(make_cells):
    """A framework the task is not written in, and a distribution that is missing, with the command to get it."""
    matrix = {
        "tasks": ["toy/line", "toy/decay"],
        "backends": ["toy", "jax", "toy/rk4/numeric", "faulty/absent/numeric"],
    }
    assert {cell.backend: cell.skip for cell in make_cells(matrix)[:4]} == {
        "toy": "",
        "jax": "task toy/line is not written in jax",
        "toy/rk4/numeric": "",
        "faulty/absent/numeric": "not installed: pip install no-such-dist",
    }


def test_a_framework_that_is_not_installed(make_cells, monkeypatch, tmp_path, plugins):
    """Its cells, with an ODE and without, are skipped with the command that installs what descriptors ask for."""
    monkeypatch.setattr(descriptors, "installed", lambda name: name in ("torch", "array-api-compat"))
    registry = with_plugin(tmp_path, plugins, TORCH_TASKS)
    matrix = {"tasks": ["t/*"], "backends": ["torch", "torch/rk4/backprop"]}
    assert [(cell.backend, cell.skip) for cell in make_cells(matrix, registry=registry)] == [
        ("torch", "not installed: pip install optree nor"),
        ("torch/rk4/backprop", "not installed: pip install optree"),
    ]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("toy/euler/numeric", ["toy/euler/numeric"]),
        ("toy/rk4*/*", ["toy/rk4/numeric", "toy/rk4_38/numeric"]),
        ("toy", ["toy"]),
    ],
)
def test_backend_replaces_those_of_the_ode_rows(make_cells, pattern, expected):
    """``--backend`` takes names and globs; a bare framework chooses among the rows without an ODE."""
    selection = Selection(backends=(pattern,))
    matrices = [{"tasks": ["toy/line"], "backends": ["toy", "jax"]}, {"backends": ["toy/dopri5/numeric"]}]
    assert names(make_cells(matrices, selection=selection)) == expected


@pytest.mark.parametrize(
    ("backend", "message"),
    [
        ("toi/rk4/numeric", "unknown library 'toi'; did you mean 'toy'? valid: "),
        ("toy/rk5/numeric", "toy has no solver 'rk5'; did you mean 'rk4'? valid: bosh3, dopri5, "),
        ("toy/rk4/numerics", "toy/rk4 has no gradient method 'numerics'; did you mean 'numeric'? valid: numeric"),
        ("toy/rk4", "'toy/rk4' does not read library/solver/gradient, as in 'torch/dopri5/adjoint'"),
        ("toy/*/adjoint", "'toy/*/adjoint' matches nothing; valid libraries: "),
    ],
)
def test_an_unknown_backend_is_explained_part_by_part(make_cells, backend, message):
    """On the command line as in the matrix."""
    for arguments in ({"selection": Selection(backends=(backend,))}, {"matrix": {"backends": [backend]}}):
        with pytest.raises(UserError) as error:
            make_cells(**arguments)
        assert message in str(error.value)


def test_unknown_tasks_and_frameworks(make_cells):
    """In the matrix, with the choices."""
    with pytest.raises(UserError, match="unknown task 'toy/decai'; did you mean 'toy/decay'"):
        make_cells({"tasks": ["toy/decai"]})
    with pytest.raises(UserError, match="unknown framework 'toi'; did you mean 'toy'"):
        make_cells({"tasks": ["toy/line"], "backends": ["toi"]})


def test_only(make_cells):
    """Filters are globs on what a cell is, and all must match."""
    matrix = {"backends": ["toy/heun?/numeric", "toy/dopri5/numeric"]}

    def kept(*only):
        return [
            (c.solver, c.seed) for c in make_cells(matrix, preset={"seeds": [0, 1]}, selection=Selection(only=only))
        ]

    assert kept("solver=heun*", "seed=1") == [("heun2", 1), ("heun3", 1)]
    assert kept("backend=toy/dopri5/*") == [("dopri5", 0), ("dopri5", 1)]
    assert len(kept("row=exponential decay")) == 6


@pytest.mark.parametrize(
    ("only", "message"),
    [
        ("solver", "--only solver: write key=glob, as in framework=jax"),
        ("slover=rk4", "--only slover=rk4: unknown key 'slover'; did you mean 'solver'? valid: backend, device, "),
        ("solver=dopri6", "--only solver=dopri6 matches no cell; did you mean 'dopri5'? valid: dopri5"),
        ("dtype=", "--only dtype= matches no cell; valid: float64"),
    ],
)
def test_a_filter_that_keeps_nothing_is_explained(make_cells, only, message):
    """Its form, its key or its value."""
    with pytest.raises(UserError) as error:
        make_cells(selection=Selection(only=(only,)))
    assert str(error.value).startswith(message)


def test_a_solver_that_comes_with_a_plugin_joins(make_cells, tmp_path, plugins):
    """It competes beside the suite's backends, with each library and gradient method that they have."""
    registry = with_plugin(tmp_path, plugins, SSPRK3)
    matrix = {"backends": ["toy/rk4/numeric", "torch/dopri5/adjoint", "torch/rk4/backprop"], "num_steps": 4}
    cells = make_cells(matrix, registry=registry)
    joined = ["toy/ssprk3/numeric", "torch/ssprk3/adjoint", "torch/ssprk3/backprop"]
    assert names(cells) == [*matrix["backends"], *joined]
    assert cells[3].num_steps == 4
    only_chosen = make_cells(matrix, registry=registry, selection=Selection(backends=("toy/euler/numeric",)))
    assert names(only_chosen) == ["toy/euler/numeric"]


def test_a_namesake_of_a_plugins_solver_does_not_join(make_cells, tmp_path, plugins):
    """A peer's ``euler`` joins where the peer competes; it brings no other library's ``euler`` with it."""
    source = """
import odebench
@odebench.hookimpl
def odebench_register_solvers(register):
    for name in ("euler", "rk4"):
        register(odebench.Solver(name=name, library="peer", framework="toy", code="a:b"))
@odebench.hookimpl
def odebench_register_gradients(register):
    register(odebench.GradientMethod(name="numeric", library="peer", framework="toy", code="a:b"))
"""
    registry = with_plugin(tmp_path, plugins, source)
    cells = make_cells({"backends": ["toy/rk4/numeric", "peer/rk4/numeric"]}, registry=registry)
    assert names(cells) == ["toy/rk4/numeric", "peer/rk4/numeric", "peer/euler/numeric"]


JSON = st.recursive(
    st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def reordered(value):
    if isinstance(value, dict):
        return {key: reordered(value[key]) for key in reversed(value)}
    return [reordered(item) for item in value] if isinstance(value, list) else value


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_the_hash_does_not_know_the_order_of_keys(options):
    """At any depth; nor the name of the row, nor whether the cell can be run here."""
    cell = replace(CELL, options=options)
    assert replace(cell, options=reordered(options), row="other", skip="not here").hash == cell.hash


VALUES = {
    str: st.text(),
    float: st.none() | st.floats(allow_nan=False),
    int: st.integers(),
    type(None): st.integers(),
    dict: st.dictionaries(st.text(), JSON, max_size=3),
}


@given(st.sampled_from(sorted(CELL.config)), st.data())
def test_the_hash_knows_every_field(field, data):
    """No part of the configuration can change without it."""
    value = getattr(CELL, field)
    other = data.draw(VALUES[type(value)].filter(lambda other: other != value))
    assert replace(CELL, **{field: other}).hash != CELL.hash


def test_the_hash_is_the_same_on_every_machine():
    """A committed run can be compared with another's, so its value is fixed here."""
    assert CELL.hash == "8c69809dec80"


def test_options_that_are_lists_are_swept(make_cells):
    """Those of the matrix over those of the preset, and of these the ones for the task over those for all."""
    cells = make_cells(
        {"tasks": ["toy/line", "toy/decay"], "backends": ["toy", "toy/rk4/numeric"], "options": {"a": [1, 2], "b": 5}},
        preset={"options": {"b": 0, "c": [7, 8]}, "options_for": {"*/decay": {"c": 9, "d": "x"}, "*/none": {"e": 1}}},
    )
    assert [(cell.task, cell.options) for cell in cells] == [
        *(("toy/line", {"a": a, "b": 5, "c": c}) for c in (7, 8) for a in (1, 2)),
        *(("toy/decay", {"a": a, "b": 5, "c": 9, "d": "x"}) for a in (1, 2)),
    ]


def test_options_of_the_backend(make_cells):
    """Swept likewise, bound with the tolerances, and no concern of a task without an ODE."""
    solve = {"max_steps": 64, "first_step": [0.1, 0.2]}
    cells = make_cells({"tasks": ["toy/decay", "toy/line"], "backends": ["toy", "toy/dopri5/numeric"], "solve": solve})
    assert [(cell.task, cell.solve_options) for cell in cells] == [
        ("toy/decay", {"rtol": 1e-6, "atol": 1e-6, "max_steps": 64, "first_step": 0.1}),
        ("toy/decay", {"rtol": 1e-6, "atol": 1e-6, "max_steps": 64, "first_step": 0.2}),
        ("toy/line", {}),
    ]
    assert cells[0].config["solve"] == {"max_steps": 64, "first_step": 0.1}
    assert len({cell.hash for cell in cells}) == 3


def test_a_cell_without_options_of_the_backend_is_named_as_ever(make_cells):
    """Its configuration does not mention them, so runs from before there were any can be compared and resumed."""
    (plain,), (given) = make_cells(), make_cells({"solve": {"max_steps": 64}})
    assert "solve" not in plain.config
    assert {k: v for k, v in given[0].config.items() if k != "solve"} == plain.config
    assert given[0].hash != plain.hash
    assert replace(given[0], solve={}).hash == plain.hash


TWO = [{"rtol": 1e-3, "atol": 1e-3}, {"rtol": 1e-5, "atol": 1e-5}]


def accuracies(cells):
    return [(cell.solver, cell.rtol, cell.num_steps) for cell in cells]


def test_equal_steps_are_for_every_solver(make_cells):
    """In place of tolerances, of which the first is still said."""
    matrix = {"backends": ["toy/rk4/numeric", "toy/dopri5/numeric"], "tolerances": TWO, "equal_steps": [4, 16]}
    cells = make_cells(matrix)
    assert accuracies(cells) == [(solver, 1e-3, n) for solver in ("rk4", "dopri5") for n in (4, 16)]
    assert cells[3].solve_options == {"rtol": 1e-3, "atol": 1e-3, "num_steps": 16}


def test_a_fixed_step_solver_gets_the_first_tolerance(make_cells):
    """It would do the same at each, so it is measured once."""
    matrix = {"backends": ["toy/rk4/numeric", "toy/dopri5/numeric"], "tolerances": TWO, "num_steps": 4}
    assert accuracies(make_cells(matrix)) == [("rk4", 1e-3, 4), ("dopri5", 1e-3, None), ("dopri5", 1e-5, None)]


def test_a_preset_does_part_of_the_matrix(make_cells):
    """Backends and tasks that match one of its globs, and tolerances that are not too tight for it; a bare
    framework is no backend."""
    matrix = {"tasks": ["toy/decay", "toy/line"], "backends": ["toy", "toy/heun?/numeric", "toy/dopri5/numeric"]}
    cells = make_cells(matrix | {"tolerances": TWO}, preset={"backends": ["*/heun3/*", "*/dop*"], "tightest": 1e-4})
    assert accuracies(cells) == [("heun3", 1e-3, 8), ("dopri5", 1e-3, None), ("", None, None)]
    assert [cell.task for cell in make_cells(matrix, preset={"tasks": ["*/line", "x"]})] == ["toy/line"]
    on_equality = make_cells({"tolerances": TWO}, preset={"tightest": 1e-5})
    assert [cell.rtol for cell in on_equality] == [1e-3, 1e-5]


def test_backends_of_the_command_line_are_narrowed_by_the_preset_too(make_cells):
    """``--backend`` replaces the suite's, and the preset goes on saying what takes part."""
    selection = Selection(backends=("toy/rk4*/numeric",))
    assert names(make_cells(preset={"backends": ["toy/rk4/*"]}, selection=selection)) == ["toy/rk4/numeric"]


def test_passes(make_cells):
    """A block's own are those of the preset that it names, in the preset's order; the hash does not know them."""
    blocks = [
        {"backends": ["toy/rk4/numeric"], "measure": ["accuracy", "timing", "peak"]},
        {"backends": ["toy/euler/numeric"]},
        {"backends": ["toy/heun2/numeric"], "measure": []},
    ]
    preset = {"measure": ["timing", "counting", "accuracy"]}
    cells = make_cells(blocks, preset=preset)
    assert [cell.measure for cell in cells] == [("timing", "accuracy"), ("timing", "counting", "accuracy"), ()]
    (other,) = make_cells({"backends": ["toy/rk4/numeric"]}, preset=preset)
    assert other.hash == cells[0].hash


def test_a_point_of_two_blocks_has_the_passes_of_both(make_cells):
    """In the preset's order, under the name and at the place of the first."""
    blocks = [
        {"measure": ["accuracy", "timing"]},
        {"backends": ["toy/rk4/numeric"]},
        {"measure": ["counting"]},
    ]
    cells = make_cells(blocks, preset={"measure": ["timing", "counting", "accuracy", "memory"]})
    assert [(cell.solver, cell.measure) for cell in cells] == [
        ("dopri5", ("timing", "counting", "accuracy")),
        ("rk4", ("timing", "counting", "accuracy", "memory")),
    ]


@pytest.mark.parametrize(
    ("matrix", "preset", "selection", "message"),
    [
        ({"presets": ["q"]}, {}, None, "no cells: no block of the matrix is part of this preset"),
        ({}, {"tasks": ["x/*"]}, None, r"no cells: the preset's tasks = \['x/\*'\] leaves none of what there is"),
        ({}, {"tightest": 1e-3, "tasks": ["*", "a"]}, None, r"tasks = \['\*', 'a'\], tightest = 0.001 leaves none"),
        ({}, {"backends": ["a"]}, Selection(backends=("toy/rk4/*",)), r"the preset's backends = \['a'\] leaves none"),
        ({"backends": ["toy"]}, {}, None, "no cells: a task needs library/solver/gradient backends, or bare"),
        ({}, {}, Selection(backends=("toy",)), "--backend toy: no task of this suite runs with it"),
    ],
)
def test_why_there_are_no_cells(make_cells, matrix, preset, selection, message):
    """The preset's own filters are named, and not what they filter."""
    with pytest.raises(UserError, match=message):
        make_cells(matrix, preset=preset, selection=selection)


SWEPT = st.dictionaries(
    st.sampled_from(["a", "b", "c"]),
    st.integers(0, 9) | st.lists(st.integers(0, 9), min_size=1, max_size=3, unique=True),
)


@given(options=SWEPT, solve=SWEPT, seeds=st.lists(st.integers(0, 3), min_size=1, max_size=2, unique=True))
def test_a_sweep_is_the_product_of_its_lists(registry, options, solve, seeds):
    """Every combination once: one value of each option, each of a backend's and each seed."""
    matrix = {"tasks": ["toy/decay"], "backends": ["toy/dopri5/numeric"], "options": options, "solve": solve}
    suite = Suite(title="", default_preset="p", presets={"p": {"seeds": seeds}}, matrix=[matrix])
    cells = plan("made", suite, suite.presets["p"], registry, Selection())

    def listed(table):
        return {key: value if isinstance(value, list) else [value] for key, value in table.items()}

    lists = [*listed(options).values(), *listed(solve).values(), seeds]
    assert len(cells) == len({cell.hash for cell in cells}) == math.prod(map(len, lists))
    for cell in cells:
        assert cell.options.keys() == options.keys()
        assert cell.solve.keys() == solve.keys()
        assert all(cell.options[key] in values for key, values in listed(options).items())
        assert all(cell.solve[key] in values for key, values in listed(solve).items())

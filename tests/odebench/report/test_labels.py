"""Names of records that are shown together."""

from hypothesis import given
from hypothesis import strategies as st

from odebench.record import Record
from odebench.report.labels import Labels, accuracy


def record(backend="a/b/c", task="t", options=None, solve=None, **config):
    base = {"suite": "s", "task": task, "backend": backend, "device": "cpu", "dtype": "float64", "seed": 0}
    return Record(base | {"options": options or {}, "solve": solve or {}} | config, "", "Row")


def test_what_is_the_same_is_not_said():
    """One of a kind is its backend alone."""
    cells = [record(options={"width": 8}), record("x/y/z", options={"width": 8})]
    assert [Labels(cells).label(cell) for cell in cells] == ["a/b/c", "x/y/z"]


def test_an_option_that_a_backend_does_not_know_is_no_difference():
    """But one that some of a backend's cells have, and others do not, is."""
    cells = [record(solve={"first_step": 0.1}), record("x/y/z")]
    assert [Labels(cells).label(cell) for cell in cells] == ["a/b/c", "x/y/z"]
    cells.append(record())
    assert [Labels(cells).label(cell) for cell in cells] == ["a/b/c first_step=0.1", "x/y/z", "a/b/c"]


def test_whatever_is_left_out():
    """Options, seed, device and type by their names."""
    cells = [record(seed=seed, dtype=dtype, options={"n": seed}) for seed, dtype in ((0, "float64"), (1, "float32"))]
    labels = Labels(cells)
    assert labels.label(cells[1]) == "a/b/c float32 seed=1 n=1"
    assert labels.label(cells[1], "seed", "n") == "a/b/c float32"
    assert labels.row(cells[1]) == "Row n=1 seed=1"


values = st.dictionaries(st.sampled_from("nmk"), st.integers(0, 2))


@given(st.lists(st.tuples(st.sampled_from(["a/b/c", "x/y/z"]), values, values), unique_by=repr, max_size=8))
def test_cells_of_a_backend_that_differ_have_different_names(configurations):
    """Whatever they differ in."""
    cells = [record(backend, options=options, solve=solve) for backend, options, solve in configurations]
    labels = Labels(cells)
    names = {}
    for cell in cells:
        key = cell.config["backend"], repr(sorted(cell.config["options"].items()))
        names.setdefault((labels.label(cell), repr(sorted(cell.config["solve"].items()))), set()).add(key)
    assert all(len(found) == 1 for found in names.values())


def test_accuracy_in_a_word():
    """Steps where they are fixed, the tolerance where they are not."""
    assert accuracy(record(rtol=1e-6, num_steps=None)) == "1e-6"
    assert accuracy(record(rtol=1.0, num_steps=None)) == "1"
    assert accuracy(record(rtol=1e-6, num_steps=16)) == "16 steps"
    assert accuracy(record()) == ""

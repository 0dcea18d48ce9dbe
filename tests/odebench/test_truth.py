"""References as plain data: made by routes that agree, stored, read and compared."""

import sys
import types
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from odebench import Task, truth
from odebench.measure.accuracy import agree


def _truth(seed, *, scale=1.0):
    """Two routes that agree to a part in 1e12, one that fails, and one that is lost."""
    found = {"prediction": np.array([1.0, 2.0]), "gradient/k": np.array(scale * (seed + 1.0))}
    nearly = {name: x * (1 + 1e-12) for name, x in found.items()}

    def fails():
        raise ArithmeticError("too stiff")

    return {
        "first": lambda: found,
        "second": lambda: nearly,
        "third": fails,
        "fourth": lambda: {"prediction": np.array([np.nan])},
    }


def _alone(seed):
    return dict(list(_truth(seed).items())[1:2])


@pytest.fixture
def task(monkeypatch, tmp_path):
    """A task whose module is on no disk but says that it is in a folder."""
    module = types.ModuleType("a_suite_of_tests")
    module.truth, module.alone = _truth, _alone
    module.__spec__ = types.SimpleNamespace(origin=str(tmp_path / "truth.py"), name=module.__name__)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return Task(name="toy/k", code="x:y", truth=f"{module.__name__}:truth", frameworks=("numpy",))


def test_make(task):
    """The first route is the truth; what failed says why; the agreement is that of the two that are left."""
    made = truth.make(task, truth.key(task, 1, {"scale": 3.0}))
    assert made.arrays["gradient/k"] == 6.0
    assert list(made.routes) == ["first", "second"]
    assert made.failed == {"third": "ArithmeticError: too stiff", "fourth": "not finite"}
    assert made.agreement == {"forward": pytest.approx(1e-12, rel=1e-3), "gradient": pytest.approx(1e-12, rel=1e-3)}
    assert made.made_with["numpy"] == np.__version__


def test_one_route_is_none(task):
    """A truth that nothing confirms is not told."""
    alone = replace(task, truth="a_suite_of_tests:alone")
    with pytest.raises(truth.NoAgreement, match="1 of two routes"):
        truth.make(alone, truth.key(alone, 0, {}))


def test_only_what_the_truth_depends_on_is_its_key(task, tmp_path):
    """Options of the task that its truth does not know are left out; defaults are filled in."""
    usual = truth.key(task, 0, {"steps": 7})
    assert (usual.options, usual.file_name) == ({"scale": 1.0}, "k.json")
    names = {truth.key(task, seed, {"scale": s}).file_name for seed in (0, 1) for s in (1.0, 2.0)}
    assert len(names) == 4
    assert truth.file(task, usual) == tmp_path / "references" / "k.json"


def test_what_is_stored_is_what_was_made(task):
    """Every digit, the routes and the agreement; for another seed or option there is nothing."""
    key = truth.key(task, 0, {})
    made = truth.make(task, key)
    file = truth.file(task, key)
    assert truth.read(file, key) is None
    truth.write(made, file)
    stored = truth.read(file, key)
    assert stored.arrays.keys() == made.arrays.keys()
    for name, value in made.arrays.items():
        np.testing.assert_array_equal(stored.arrays[name], value)
    assert (stored.routes, stored.failed, stored.made_with) == (made.routes, made.failed, made.made_with)
    assert truth.differing(stored, made) == {}
    assert truth.read(file, truth.key(task, 0, {"scale": 2.0})) is None


@given(arrays(np.float64, (3, 2), elements=st.floats(allow_nan=False, allow_infinity=False)))
def test_no_digit_is_lost_in_json(tmp_path_factory, values):
    """Any finite float64."""
    key = truth.Key("toy/k", 0, {}, default=True)
    with np.errstate(over="ignore", invalid="ignore"):
        found = agree({"prediction": values}, {"prediction": values})
    file = tmp_path_factory.mktemp("stored") / "k.json"
    truth.write(
        truth.Truth(key, {"prediction": values, "agreement/forward": found["agreement/forward"]}, {}, {}, {}), file
    )
    np.testing.assert_array_equal(truth.read(file, key).arrays["prediction"], values)


def test_what_differs_is_named(task):
    """A gradient that is another by more than it was known to; not one that only rounding moved."""
    made = truth.make(task, truth.key(task, 0, {}))
    for factor, names in ((1 + 1e-13, set()), (1 + 1e-9, {"gradient"}), (np.nan, {"gradient"})):
        other = replace(made, arrays=made.arrays | {"gradient/k": made.arrays["gradient/k"] * factor})
        assert truth.differing(made, other).keys() == names


def test_every_route_is_verified(task):
    """The second is further from the first than it was; or it is there no more."""
    made = truth.make(task, truth.key(task, 0, {}))
    moved = replace(made, routes=made.routes | {"second": {"forward": 1e-9, "gradient": 1e-12}})
    assert truth.differing(made, moved) == {"forward of second": 1e-9}
    assert truth.differing(made, replace(made, routes={"first": {}})) == {"second": np.inf}

"""What a name stands for: which backends are checked, and of each, what."""

from __future__ import annotations

import pytest

from odebench.check.targets import find
from odebench.errors import UserError
from odebench.registry import load_registry


@pytest.fixture(scope="module")
def targets(faulty_registry):
    def targets(reference):
        found = find(faulty_registry, reference).targets
        return {f"{t.solver.key}/{t.gradient.name if t.gradient else None}": t.solves for t in found}

    return targets


def test_a_gradient_method_goes_with_a_solver_of_its_library(targets):
    """dopri5 where there is one; the solver itself is not checked again."""
    assert targets("torch-adjoint").items() >= {"torch/dopri5/adjoint": False}.items()
    assert not any(targets("torch-adjoint").values())
    assert targets("odebench_jax_adjoint").items() >= {"jax/dopri5/adjoint": False}.items()


def test_a_tableau_goes_with_every_framework(targets):
    """And with backpropagation where that is known by name."""
    found = targets("rungekutta")
    assert {"torch/rk4/backprop", "jax/rk4/backprop", "toy/rk4/numeric"} <= set(found)
    assert all(found.values())


def test_a_framework_is_checked_by_its_engines(targets):
    """Each with a tableau that is adaptive, the explicit one dopri5."""
    found = targets("torch")
    assert found["torch/dopri5/backprop"]
    assert all(name.startswith("torch/") for name in found)


def test_solvers_and_gradients_of_one_plugin(targets, faults):
    """Every solver once with its own library's method, every method once."""
    found = targets(faults)
    assert {name for name, solves in found.items() if name.startswith("faults/") and solves} == {
        f"faults/{name}/backprop" for name in ("sound", "overshoots", "lies", "gives_up", "drifts")
    }
    assert [name for name, solves in found.items() if not solves] == [
        name for name in found if name.endswith(("timeless", "halves"))
    ]
    assert len([name for name in found if name.endswith(("timeless", "halves"))]) == 2


def test_a_file_that_is_loaded_already(targets, support, monkeypatch):
    """However it is written, and whatever was loaded after it."""
    monkeypatch.chdir(support)
    assert all(name.startswith("toy/") for name in targets("toy.py"))
    assert "toy/dopri5/numeric" in targets("toy.py")


def test_a_glob(targets):
    """Each solver is checked with the first of its methods."""
    assert targets("faults/l*/*") == {
        "faults/lies/backprop": True,
        "faults/lies/halves": False,
        "faults/lies/timeless": False,
    }


def test_without_a_gradient_method(tmp_path):
    """The solver is still checked."""
    (tmp_path / "bare.py").write_text(
        "import odebench\n@odebench.hookimpl\ndef odebench_register_solvers(register):\n"
        "    register(odebench.Solver(name='x', library='bare', framework='torch', code=__name__ + ':x'))\n"
    )
    (target,) = find(load_registry(), str(tmp_path / "bare.py")).targets
    assert (target.solver.key, target.gradient) == ("bare/x", None)


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("torch-adjiont", "unknown plugin 'torch-adjiont'; did you mean 'torch-adjoint'?"),
        ("torch/nothing/*", "no backend matches 'torch/nothing/*'"),
        ("absent.py", "there is no such file"),
        ("json", "plugin json registers no framework, solver or gradient method"),
    ],
)
def test_bad_references(reference, message):
    """One line that names it."""
    with pytest.raises(UserError) as raised:
        find(load_registry(), reference)
    assert message in str(raised.value)


def test_a_plugin_that_cannot_be_loaded(tmp_path):
    """With its own reason."""
    (tmp_path / "broken.py").write_text("1 / 0")
    with pytest.raises(UserError, match=r"plugin broken .*: ZeroDivisionError"):
        find(load_registry(), str(tmp_path / "broken.py"))


def test_a_framework_without_an_engine_is_checked_by_whatever_runs_on_it(tmp_path):
    """Its adapter is what is checked then."""
    (tmp_path / "bare.py").write_text(
        "import odebench\n@odebench.hookimpl\ndef odebench_register_frameworks(register):\n"
        "    register(odebench.Framework(name='bare', code=__name__ + ':A'))\n"
    )
    (tmp_path / "more.py").write_text(
        "import odebench\n@odebench.hookimpl\ndef odebench_register_solvers(register):\n"
        "    register(odebench.Solver(name='x', library='more', framework='bare', code=__name__ + ':x'))\n"
    )
    registry = load_registry([str(tmp_path / "more.py"), str(tmp_path / "bare.py")], strict=True)
    (target,) = find(registry, str(tmp_path / "bare.py")).targets
    assert target.solver.key == "more/x"

"""suites/gradients as its suite.toml says it: every cell can be planned, whatever the preset."""

from pathlib import Path

import pytest

from odebench.plan import Selection, plan
from odebench.registry import load_registry
from odebench.suite import plugin_folders, read_suite

SUITE = Path(__file__).parents[3] / "suites" / "gradients"
EQUAL = ("rk4", "reversible_heun", "implicit_midpoint", "adams_moulton4", "heun")


@pytest.fixture(scope="module")
def cells():
    registry = load_registry((), plugin_folders(SUITE), strict=True)
    suite = read_suite(SUITE)
    return {name: plan("gradients", suite, preset, registry, Selection()) for name, preset in suite.presets.items()}


def test_every_preset_plans(cells):
    """Every backend and task that is named exists; quick does part of what standard does, in float64."""
    quick, standard = ({cell.hash for cell in cells[name]} for name in ("quick", "standard"))
    assert quick < standard
    assert {cell.dtype for cell in cells["standard"]} == {"float64"}
    assert {cell.task for cell in cells["quick"]} == {cell.task for cell in cells["standard"]}
    assert all(cell.measure for cell in cells["quick"])


def test_the_same_work_for_all(cells):
    """Adaptive cells have the same first step, but for the library that has none; those of equal steps are given their
    numbers."""
    for cell in cells["standard"]:
        equal = cell.num_steps is not None
        assert equal == (cell.solver in EQUAL), cell.label
        first = {} if cell.library == "jax-ode" else {"first_step": 0.01}
        assert equal or cell.solve == first | {"max_steps": 4096}, cell.label


def test_fits_are_of_swept_figures(cells):
    """Each fit's x takes three values or more for some backend: through fewer no line is fitted."""
    for fit in read_suite(SUITE).fits:
        values = {}
        for cell in cells["quick"]:
            option = cell.options.get(fit.x.removeprefix("option_"))
            x = getattr(cell, fit.x, None) if option is None else option
            if x is not None and "memory" in cell.measure:
                values.setdefault((cell.task, cell.backend), set()).add(x)
        assert max(map(len, values.values())) >= 3, fit.x

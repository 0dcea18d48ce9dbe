"""Work–precision: costs at equal achieved error."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odebench.record import CellStatus, Record
from odebench.report.precision import curves


def record(error, nfe, backend="a/b/c", status=CellStatus.ok, **config):
    config = {"task": "t", "backend": backend, "device": "cpu", "dtype": "float64", "options": {}} | config
    metrics = {"forward_error": error, "nfe_forward": nfe, "forward_s": nfe * 1e-3}
    return Record(config=config, hash=f"{error}{nfe}{backend}", row="", status=status, metrics=metrics)


@given(order=st.floats(1, 8), target=st.floats(1e-9, 1e-2))
def test_a_power_law_is_interpolated_exactly(order, target):
    """NFE ∝ error^(-1/order) at any target between the cells is what the law says."""
    cells = [record(10.0**-e, 100 * 10 ** (e / order)) for e in (1, 4, 10)]
    (curve,) = curves(cells, "forward_error")
    costs, mark = curve.cost(target)
    assert mark == ""
    assert costs["NFE"] == pytest.approx(100 * target ** (-1 / order), rel=1e-9)
    assert costs["ms"] == pytest.approx(1e-3 * costs["NFE"], rel=1e-9)


def test_targets_beyond_the_cells_are_said_to_be():
    """A target that the loosest cell beats is marked; one that no cell reaches has no cost."""
    (curve,) = curves([record(1e-3, 10), record(1e-6, 100)], "forward_error")
    assert curve.cost(1e-2)[1] == "<"
    assert curve.cost(1e-7) is None
    assert curve.best == 1e-6


def test_a_cell_that_reaches_the_target_by_luck_does_not_count():
    """A dearer one misses it, so what is paid for is between that and the next."""
    (curve,) = curves([record(1e-2, 10), record(1e-5, 20), record(1e-4, 40), record(1e-8, 80)], "forward_error")
    assert curve.cost(1e-5)[0]["NFE"] == pytest.approx(40 * 2**0.25)
    assert curve.cost(1e-3)[0]["NFE"] == pytest.approx(10 * 2 ** (1 / 3))
    (curve,) = curves([record(1e-5, 20), record(1e-4, 40)], "forward_error")
    assert curve.cost(1e-5) is None


def test_errors_below_the_references_disagreement_do_not_count():
    """An error can be no better than its reference."""
    cell = record(1e-9, 10)
    cell.metrics["reference_forward_agreement"] = 1e-6
    (curve,) = curves([cell], "forward_error")
    assert curve.best == 1e-6


def test_failures_are_counted_and_curves_kept_apart():
    """By backend, type of number and option; what failed is no point of a curve."""
    cells = [record(1e-3, 10), record(math.nan, 5, status=CellStatus.diverged), record(1e-3, 9, dtype="float32")]
    cells += [record(1e-3, 8, backend="x/y/z"), record(math.nan, 4, status=CellStatus.skipped)]
    found = {curve.name: curve for curve in curves(cells, "forward_error")}
    assert set(found) == {"a/b/c float64", "a/b/c float32", "x/y/z float64"}
    assert found["a/b/c float64"].failed == 1
    assert len(found["a/b/c float64"].points) == 1


def test_seeds_and_runs_make_curves_of_their_own():
    """Two seeds' cells, or two runs', in one curve would be steps to and fro."""
    cells = [record(1e-3, 10, seed=0), record(1e-3, 12, seed=1)]
    assert [curve.name for curve in curves(cells, "forward_error")] == ["a/b/c seed=0", "a/b/c seed=1"]
    cells = [record(1e-3, 10, run="monday"), record(1e-3, 12, run="tuesday")]
    assert [curve.name for curve in curves(cells, "forward_error")] == ["a/b/c monday", "a/b/c tuesday"]

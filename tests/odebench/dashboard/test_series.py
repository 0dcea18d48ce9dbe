"""Records as tables over backend, accuracy and configuration."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odebench.dashboard.files import axes
from odebench.dashboard.series import Series, coordinates, series, unit
from tests.odebench.dashboard.conftest import record


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("nfe_forward", "evaluations"),
        ("gradient_error_y0", "relative"),
        ("memory_bytes", "bytes"),
        ("forward_s", "seconds"),
        ("test_error", "unit"),
        ("test_accuracy", ""),
        ("test_log_likelihood", ""),
        ("gain_bits", ""),
        ("forward_samples", ""),
        ("forward_low_s", ""),
        ("first_call_s", ""),
        ("reference_gradient_agreement", ""),
        ("test_bits_standard_error", ""),
        ("nobody_knows", ""),
        ("parameters", ""),
    ],
)
def test_units(metric: str, expected: str) -> None:
    """What is the better the lower has a unit; nothing else is exported, for asv knows no other direction."""
    assert unit(metric) == expected


def test_names_and_points() -> None:
    """A series a metric and task, the suite's name once; a point a cell."""
    found = series([record(), record("jax/rk4/backprop", num_steps=64, metrics={"nfe_forward": 256, "loss": 1.0})], {})
    assert list(found) == ["s.spiral.nfe_forward"]
    assert found["s.spiral.nfe_forward"].points == {
        ("'torch/dopri5/adjoint'", "'rtol 1e-06, atol 1e-08'", "'float64'"): {"result": 20},
        ("'jax/rk4/backprop'", "'steps 64'", "'float64'"): {"result": 256},
    }


def test_how_cells_ended() -> None:
    """Failed is None; a number that is none, too; skipped, or a metric that the cell does not have, is no point."""
    cells = [record("a/b/c"), record("d/e/f", "timeout"), record("g/h/i", "skipped"), record("j/k/l", metrics={}),
             record("m/n/o", metrics={"nfe_forward": math.inf})]  # fmt: skip
    found = series(cells, {})["s.spiral.nfe_forward"]
    assert {point[0]: figures["result"] for point, figures in found.points.items()} == {
        "'a/b/c'": 20,
        "'d/e/f'": None,
        "'m/n/o'": None,
    }


def test_only_skipped() -> None:
    """A metric that no cell has a point of is no series."""
    assert series([record(status="skipped")], {}, ["s.spiral.nfe_forward"]) == {}


def test_task_that_failed_altogether() -> None:
    """Its series that are known from before have failed here: a break in the line, not a line that ends."""
    known = ["s.spiral.nfe_forward", "s.other.nfe_forward", "native.Spiral.time_solve"]
    found = series([record(status="crashed", metrics={})], {}, known)
    assert list(found) == ["s.spiral.nfe_forward"]
    assert [figures["result"] for figures in found["s.spiral.nfe_forward"].points.values()] == [None]


def test_spread_of_times() -> None:
    """asv is told a time's interval, which seven samples are too few for, and eight enough."""
    eight = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]
    for samples, low in ((eight, 1.0), (eight[:7], -math.inf)):
        cell = record(metrics={"forward_s": 4.0}, samples={"forward": samples})
        (figures,) = series([cell], {})["s.spiral.forward_s"].points.values()
        assert (figures["ci_99_a"], figures["repeat"]) == (low, len(samples))


ACCURACIES: list[dict[str, float]] = [{"rtol": 1e-3, "atol": 1e-3}, {"rtol": 1e-3, "atol": 1e-6}, {"num_steps": 8}]


@given(
    st.lists(
        st.tuples(
            st.integers(0, 2),
            st.dictionaries(st.sampled_from(["outputs", "end"]), st.integers(1, 3)),
            st.integers(0, 2),
        ),
        max_size=8,
        unique_by=lambda one: (one[0], tuple(sorted(one[1].items())), one[2]),
    )
)
def test_no_two_cells_meet(configurations: list[tuple[int, dict[str, int], int]]) -> None:
    """Cells of different configuration are different points."""
    cells = [record(options=options, seed=seed, **ACCURACIES[i]) for i, options, seed in configurations]
    assert len({coordinates(cell.config) for cell in cells}) == len(configurations)


def test_merging() -> None:
    """Of one version the newer figures stand beside the older ones; of another version alone; an unknown one is any."""
    old, new = (Series("1", {(name,): {"result": 1.0}, ("'a'",): {"result": x}})
                for name, x in (("'b'", 1.0), ("'c'", 2.0)))  # fmt: skip
    both = old.merged(new)
    assert both.points == {("'a'",): {"result": 2.0}, ("'b'",): {"result": 1.0}, ("'c'",): {"result": 1.0}}
    assert axes(both) == [["'a'", "'b'", "'c'"]]
    assert old.merged(Series("2", new.points)).points == new.points
    assert old.merged(Series(None, new.points)).version == "1"


def test_order_of_values() -> None:
    """Values along an axis are in the order of their numbers, so that a page reads like a table."""
    values = ["'steps 16'", "'steps 8'", "'rtol 0.001, atol 1e-06'", "'rtol 1e-06, atol 1e-06'"]
    assert axes(Series(None, {(value,): {} for value in values})) == [values[::-1]]

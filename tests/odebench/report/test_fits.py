"""Fits of growth."""

import pytest

from odebench.record import CellStatus, Record
from odebench.report.fits import fits

FIT = {"x": "num_steps", "y": "memory_bytes", "task": "*"}


def record(steps, memory, backend="a/b/c", status=CellStatus.ok, **options):
    config = {"task": "t", "backend": backend, "num_steps": steps, "seed": 0, "options": options}
    return Record(config=config, hash="", row="", status=status, metrics={"memory_bytes": memory})


def test_exponent_and_slope_of_a_line_and_of_a_square():
    """Memory ∝ steps has exponent 1 and its factor as slope; ∝ steps² has exponent 2."""
    lines = [record(n, 24.0 * n) for n in (16, 64, 256)] + [record(n, 3.0 * n**2, "x/y/z") for n in (16, 64, 256)]
    first, second = fits(lines, [FIT])
    assert (first.backend, first.points) == ("a/b/c", 3)
    assert (first.exponent, first.slope) == (pytest.approx(1.0), pytest.approx(24.0))
    assert second.exponent == pytest.approx(2.0)


def test_only_cells_that_differ_in_x_alone_are_fitted():
    """Other options make another group; fewer than three points, or failed cells, make none."""
    cells = [record(n, 1.0 * n, width=1) for n in (1, 2, 4)] + [record(n, 1.0, width=2) for n in (1, 2)]
    cells += [record(8, 1e9, status=CellStatus.diverged, width=1)]
    (found,) = fits(cells, [FIT])
    assert found.exponent == pytest.approx(1.0)


def test_an_option_can_be_fitted_against():
    """``option_…`` names an option of the task."""
    cells = [record(8, 5.0 * n, width=n) for n in (1, 2, 4)]
    (found,) = fits(cells, [FIT | {"x": "option_width"}])
    assert found.slope == pytest.approx(5.0)

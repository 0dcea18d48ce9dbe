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
    assert (first.law.exponent, first.slope) == (pytest.approx(1.0), pytest.approx(24.0))
    assert second.law.exponent == pytest.approx(2.0)


def test_only_cells_that_differ_in_x_alone_are_fitted():
    """Other options make another group; fewer than three points, or failed cells, make none."""
    cells = [record(n, 1.0 * n, width=1) for n in (1, 2, 4)] + [record(n, 1.0, width=2) for n in (1, 2)]
    cells += [record(8, 1e9, status=CellStatus.diverged, width=1)]
    (found,) = fits(cells, [FIT])
    assert found.law.exponent == pytest.approx(1.0)


def test_several_figures_of_several_things():
    """Each y along each x, by itself, in the order of the lists."""
    cells = [record(8, 5.0 * n, width=n) for n in (2, 4, 6)] + [record(n, 3.0 * n, width=1) for n in (1, 2, 4)]
    for cell in cells:
        cell.metrics["vjps"] = 7.0
    found = fits(cells, [FIT | {"x": ["num_steps", "option_width"], "y": ["memory_bytes", "vjps"]}])
    exponents = [(one.x, one.y, round(one.law.exponent, 9)) for one in found]
    assert exponents == [
        ("num_steps", "memory_bytes", 1), ("num_steps", "vjps", 0),
        ("option_width", "memory_bytes", 1), ("option_width", "vjps", 0),
    ]  # fmt: skip


def test_an_option_can_be_fitted_against():
    """``option_…`` names an option of the task."""
    cells = [record(8, 5.0 * n, width=n) for n in (1, 2, 4)]
    (found,) = fits(cells, [FIT | {"x": "option_width"}])
    assert found.slope == pytest.approx(5.0)


def test_options_of_the_backend_make_groups_too():
    """Cells with one checkpoint and with a hundred are not one line; ``solve_…`` can be fitted against."""
    cells = [record(n, factor * n) for factor in (1.0, 50.0) for n in (1, 2, 4)]
    for i, cell in enumerate(cells):
        cell.config["solve"] = {"checkpoints": 1 if i < 3 else 100}
    assert [found.slope for found in fits(cells, [FIT])] == [pytest.approx(1.0), pytest.approx(50.0)]
    for n, cell in zip((1, 2, 4), cells, strict=False):
        cell.config |= {"num_steps": 8, "solve": {"checkpoints": n}}
    (found,) = fits(cells[:3], [FIT | {"x": "solve_checkpoints"}])
    assert found.points == 3


def test_a_metric_can_be_fitted_against():
    """Tolerances are what makes it differ; other things still make other groups."""
    cells = [record(None, 3.0 * nfe, width=width) for width in (1, 2) for nfe in (10, 20, 40)]
    for i, cell in enumerate(cells):
        cell.config |= {"rtol": 10.0**-i, "atol": 10.0**-i}
        cell.metrics["nfe_forward"] = cell.metrics["memory_bytes"] / 3
    found = fits(cells, [FIT | {"x": "nfe_forward"}])
    assert [(one.points, one.slope) for one in found] == [(3, pytest.approx(3.0))] * 2


def test_a_tolerance_can_be_fitted_against():
    """Whatever the absolute one beside it."""
    cells = [record(None, rtol**-0.2) for rtol in (1e-3, 1e-5, 1e-7)]
    for cell, rtol in zip(cells, (1e-3, 1e-5, 1e-7), strict=True):
        cell.config |= {"rtol": rtol, "atol": rtol / 10}
    (found,) = fits(cells, [FIT | {"x": "rtol"}])
    assert (found.law.exponent, found.span) == (pytest.approx(-0.2), (1e-7, 1e-3))


def test_a_law_with_a_constant(monkeypatch):
    """Of four values at least; without scipy there is none, and no other law takes its place."""
    cells = [record(n, 100.0 + 24 * n) for n in (4, 16, 64, 256)]
    offset = FIT | {"law": "offset"}
    (found,) = fits(cells, [offset])
    assert (found.law.exponent, found.law.constant) == (pytest.approx(1.0), pytest.approx(100))
    assert found.law.factor == pytest.approx(24)
    assert fits(cells[:3], [offset]) == []
    monkeypatch.setattr("odebench.report.fits.find_spec", lambda name: None)
    assert fits(cells, [offset]) == []
    assert len(fits(cells, [FIT])) == 1

"""Pictures of records."""

import pytest

from odebench.errors import UserError
from odebench.record import CellStatus, Record
from odebench.report.figures import draw, lines


def record(tolerance, nfe, error, status=CellStatus.ok, backend="torch/dopri5/adjoint", **options):
    config = {
        "task": "t",
        "backend": backend,
        "device": "cpu",
        "dtype": "float64",
        "rtol": tolerance,
        "options": options,
    }
    return Record(config=config, hash="", row="", status=status, metrics={"nfe_forward": nfe, "forward_error": error})


def test_lines_are_in_the_order_of_x_and_without_failures():
    """Points of failed cells are left out; an option that is x does not split a line."""
    cells = [record(1e-6, 80, 1e-6), record(1e-3, 20, 1e-3), record(1e-9, 999, 1.0, CellStatus.diverged)]
    assert lines(cells, "nfe_forward", "forward_error") == {"t": {"torch/dopri5/adjoint": [(20.0, 1e-3), (80.0, 1e-6)]}}
    swept = [record(1e-3, 20 * n, 1e-3, outputs=n) for n in (2, 4)]
    assert lines(swept, "option_outputs", "nfe_forward")["t"] == {"torch/dopri5/adjoint": [(2.0, 40.0), (4.0, 80.0)]}
    assert len(lines(swept, "nfe_forward", "forward_error")["t"]) == 2


def test_a_curve_is_drawn_against_its_steps():
    """``step`` takes the points of the training curve."""
    cell = record(1e-3, 20, 1e-3)
    cell.curve = [{"step": 1, "nfe_forward": 20}, {"step": 11, "nfe_forward": 26}, {"step": 12}]
    assert lines([cell], "step", "nfe_forward")["t"] == {"torch/dopri5/adjoint": [(1.0, 20.0), (11.0, 26.0)]}


@pytest.mark.parametrize("ending", ["svg", "png"])
def test_the_same_records_make_the_same_file(tmp_path, ending):
    """A picture that is committed changes with the records alone."""
    cells = [record(1e-3, 20, 1e-3), record(1e-6, 80, 1e-6), record(1e-3, 30, 1e-4, backend="<b>&/é/c")]
    files = [tmp_path / f"{i}.{ending}" for i in range(2)]
    for file in files:
        draw(cells, "nfe_forward", "forward_error", file)
    assert files[0].read_bytes() == files[1].read_bytes()
    assert files[0].stat().st_size > 1000


def test_what_cannot_be_drawn_is_said(tmp_path):
    """A metric that no record has, with the nearest that there is; and a format that is none."""
    with pytest.raises(UserError, match="nfe_forwards; did you mean 'nfe_forward'"):
        draw([record(1e-3, 20, 1e-3)], "nfe_forwards", "forward_error", tmp_path / "x.svg")
    with pytest.raises(UserError, match=r"x\.docx"):
        draw([record(1e-3, 20, 1e-3)], "nfe_forward", "forward_error", tmp_path / "x.docx")


def test_types_and_devices_are_lines_of_their_own():
    """As seeds and runs are; but not where they are what is drawn against."""
    cells = [record(1e-3, 20 + i, 1e-3) for i in range(3)]
    cells[1].config["dtype"] = "float32"
    cells[2].config["device"] = "cuda"
    names = [f"torch/dopri5/adjoint {words}" for words in ("cpu float64", "cpu float32", "cuda float64")]
    assert list(lines(cells, "nfe_forward", "forward_error")["t"]) == names
    swept = [record(1e-3, 20, 1e-3) for _ in range(2)]
    for seed, cell in enumerate(swept):
        cell.config["seed"] = seed
    assert list(lines(swept, "nfe_forward", "forward_error")["t"]) == [
        f"torch/dopri5/adjoint seed={i}" for i in range(2)
    ]
    assert list(lines(swept, "seed", "forward_error")["t"]) == ["torch/dopri5/adjoint"]

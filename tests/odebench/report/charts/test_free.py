"""Whatever against whatever."""

import pytest

from odebench.errors import UserError
from odebench.record import CellStatus
from odebench.report.charts.free import free


def drawn(records, x, y):
    return {
        line.name: [(p.x, p.y) for p in line.points] for panel in free(records, x, y).panels for line in panel.lines
    }


@pytest.fixture
def cell(record):
    def make(nfe, error=1e-3, **changes):
        return record(metrics={"nfe_forward": nfe, "forward_error": error}, **changes)

    return make


def test_lines_are_in_the_order_of_x_and_without_failures(cell):
    """Points of failed cells are left out; an option that is x does not split a line."""
    cells = [cell(80, 1e-6), cell(20, 1e-3), cell(999, 1.0, status=CellStatus.diverged)]
    assert drawn(cells, "nfe_forward", "forward_error") == {"torch/dopri5/adjoint": [(20, 1e-3), (80, 1e-6)]}
    swept = [cell(20 * n, options={"outputs": n}) for n in (4, 2)]
    assert drawn(swept, "option_outputs", "nfe_forward") == {"torch/dopri5/adjoint": [(2, 40), (4, 80)]}
    assert len(drawn(swept, "nfe_forward", "forward_error")) == 2


def test_a_curve_is_drawn_against_its_steps(cell):
    """``step`` takes the points of the training curve; where there is none of the figure, nothing."""
    one = cell(20)
    one.curve = [{"step": 1, "nfe_forward": 20}, {"step": 11, "nfe_forward": 26}, {"step": 12}]
    assert drawn([one], "step", "nfe_forward") == {"torch/dopri5/adjoint": [(1, 20), (11, 26)]}
    assert not free([one], "step", "nfe_forward").log_x


def test_types_devices_and_runs_are_lines_of_their_own(cell):
    """But not seeds, whose lines share a name, nor what is drawn against."""
    cells = [cell(20), cell(21, dtype="float32"), cell(22, device="cuda")]
    names = [f"torch/dopri5/adjoint {words}" for words in ("cpu float64", "cpu float32", "cuda float64")]
    assert list(drawn(cells, "nfe_forward", "forward_error")) == names
    runs = [cell(20, run="s/one"), cell(20, run="s/two")]
    assert list(drawn(runs, "nfe_forward", "forward_error")) == [
        f"torch/dopri5/adjoint {r}" for r in ("s/one", "s/two")
    ]
    seeds = [cell(20 + seed, seed=seed) for seed in range(2)]
    (panel,) = free(seeds, "nfe_forward", "forward_error").panels
    assert [(line.name, len(line.points)) for line in panel.lines] == [("torch/dopri5/adjoint", 1)] * 2
    assert drawn(seeds, "seed", "nfe_forward") == {"torch/dopri5/adjoint": [(0, 20), (1, 21)]}


def test_what_no_record_has_is_said(cell):
    """With the nearest that there is."""
    with pytest.raises(UserError, match="nfe_forwards; did you mean 'nfe_forward'"):
        free([cell(20)], "nfe_forwards", "forward_error")
    with pytest.raises(UserError, match="has step; "):
        free([cell(20)], "step", "forward_error")

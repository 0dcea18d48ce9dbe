"""The charts of a run as data."""

import sys
from itertools import product

import pytest

from odebench.record import CellStatus
from odebench.report.charts import charts
from odebench.report.charts.model import BarChart
from odebench.report.fits import fits


def named(records, *wanted):
    return {chart.name: chart for chart in charts(records, fits(records, wanted))}


def lines(chart):
    return {
        (panel.title, line.name): [(p.x, p.y) for p in line.points] for panel in chart.panels for line in panel.lines
    }


def test_work_precision_joins_what_differs_in_tolerance(record):
    """In the order of cost; failed cells are left out; a record without an ODE has no precision."""
    cells = [
        record(metrics={"nfe_forward": nfe, "forward_error": error}, rtol=rtol)
        for nfe, error, rtol in ((80, 1e-6, 1e-6), (20, 1e-3, 1e-3), (40, 1e-4, 1e-4))
    ]
    cells.append(record(metrics={"nfe_forward": 9, "forward_error": 1.0}, status=CellStatus.diverged))
    cells.append(record("torch", {"nfe_forward": 9, "forward_error": 1.0}, rtol=None))
    found = named(cells)
    assert list(found) == ["precision-nfe"]
    assert lines(found["precision-nfe"]) == {("t", "torch/dopri5/adjoint"): [(20, 1e-3), (40, 1e-4), (80, 1e-6)]}


def test_no_error_is_below_what_its_references_agree_to(record):
    """As in the tables."""
    metrics = {"nfe_forward": 9, "nfe_backward": 8, "gradient_error": 1e-12, "reference_gradient_agreement": 1e-9}
    found = named([record(metrics=metrics)])
    assert lines(found["gradient-nfe"]) == {("t", "torch/dopri5/adjoint"): [(17, 1e-9)]}


def test_names_say_what_differs_on_the_chart_alone(record):
    """Seeds are lines of one name; an option of another task's cells, or of one that failed, is in no name."""
    metrics = {"nfe_forward": 9, "forward_error": 1.0}
    cells = [record(metrics=metrics, seed=seed, options={"width": 8}) for seed in (0, 1)]
    cells.append(record(status=CellStatus.error, options={"width": 16}))
    (panel,) = named(cells)["precision-nfe"].panels
    assert [line.name for line in panel.lines] == ["torch/dopri5/adjoint"] * 2
    cells.append(record(metrics=metrics, options={"width": 32}))
    (panel,) = named(cells)["precision-nfe"].panels
    assert [line.name for line in panel.lines] == [f"torch/dopri5/adjoint width={width}" for width in (8, 8, 32)]


def test_growth_has_its_points_and_its_law(record):
    """A line a fit, in the order of x, and the power law through it."""
    cells = [record(metrics={"memory_bytes": 3.0 * n**2}, num_steps=n) for n in (64, 16, 256)]
    chart = named(cells, {"x": "num_steps", "y": "memory_bytes", "task": "*"})["memory_bytes-num_steps"]
    assert lines(chart) == {("t", "torch/dopri5/adjoint"): [(n, 3.0 * n**2) for n in (16, 64, 256)]}
    (guide,) = chart.panels[0].guides
    assert (guide.factor, guide.exponent) == (pytest.approx(3.0), pytest.approx(2.0))
    assert (guide.name, guide.span) == ("torch/dopri5/adjoint", (16, 256))
    assert guide.label == "torch/dopri5/adjoint: ∝ steps of the solver^2.00"


def test_backward_evaluations_have_the_papers_half_beside_them(record):
    """Backpropagation evaluates nothing on its way back, and is no point of a logarithmic axis."""
    cells = [record(metrics={"nfe_forward": 20, "nfe_backward": n}, backend=b) for n, b in ((10, "a"), (0, "b"))]
    chart = named(cells)["nfe"]
    assert lines(chart) == {("t", "a"): [(20, 10)]}
    assert [(guide.factor, guide.exponent) for guide in chart.panels[0].guides] == [(1.0, 1.0), (0.5, 1.0)]


def test_training_curves_are_a_line_a_cell(record):
    """Tolerances are not joined to one line; a loss below 0 makes the axis linear; the last point is never thinned."""
    cells = [record(rtol=rtol, options={"steps": 5}) for rtol in (1e-3, 1e-5)]
    for cell in cells:
        cell.curve = [{"step": i + 1, "loss": 1.0 / (i + 1), "nfe_forward": 20 + i} for i in range(999)]
    found = named(cells)
    assert list(found) == ["training-nfe", "training-loss"]
    chart = found["training-loss"]
    assert (chart.log_x, chart.log_y, found["training-nfe"].log_y) == (False, True, False)
    assert list(lines(chart)) == [("t", "torch/dopri5/adjoint 1e-3"), ("t", "torch/dopri5/adjoint 1e-5")]
    for points in lines(chart).values():
        assert (points[0], points[-1], len(points)) == ((1, 1.0), (999, 1 / 999), 200)
    point = chart.panels[0].lines[0].points[-1]
    assert point.about["options"] == "steps=5"
    assert (point.about["training step"], point.about["training loss"]) == ("999", "0.001001")
    cells[0].curve[3]["loss"] = -1.0
    cells[0].curve = cells[0].curve[:5]
    assert not named(cells)["training-loss"].log_y


def test_time_is_split_by_pass_with_its_intervals(record):
    """Backward is what both take less forward; its interval is as wide as theirs together; compilation is apart."""
    metrics = {
        "forward_s": 0.010, "forward_low_s": 0.009, "forward_high_s": 0.012, "forward_backward_s": 0.030,
        "forward_backward_low_s": 0.028, "forward_backward_high_s": 0.033, "compile_s": 2.5, "overhead": 1.25,
    }  # fmt: skip
    found = named([record(metrics=metrics)])
    assert list(found) == ["time", "compile", "overhead"]
    parts = found["time"].panels[0].bars[0].parts
    assert [part.name for part in parts] == ["forward", "backward"]
    assert (parts[0].value, parts[0].low, parts[0].high) == pytest.approx((10, 9, 12))
    assert (parts[1].value, parts[1].low, parts[1].high) == pytest.approx((20, 16, 24))
    assert (found["time"].value, found["compile"].value) == ("milliseconds", "seconds")
    assert found["compile"].panels[0].bars[0].parts[0].value == 2.5
    assert (found["overhead"].limit, found["overhead"].panels[0].bars[0].parts[0].value) == (1.0, 1.25)


def test_the_overhead_is_split_on_its_own_scale(record):
    """The parts of a cell add up to its overhead, in the order in which they are declared; where compiled code is
    faster than its limit, by the limit's proportions. A cell without the one or the other has no bar."""
    shares = {"dynamics": 0.1, "autograd": 0.2, "stages": 0.3, "norm": 0.05, "control": 0.15, "other": 0.2}
    traced = {f"part_{name}": share for name, share in shares.items()}
    compiled = {"part_dynamics": 0.9, "part_autograd": 0.6, "part_other": -0.5}
    metrics = [traced | {"overhead": 2.0}, compiled | {"overhead": 0.8}, traced, {"overhead": 1.0}]
    found = named([record(metrics=one) for one in metrics])["split"]
    assert (found.limit, found.by_part) == (1.0, True)
    first, second = found.panels[0].bars
    assert [part.value for part in first.parts] == pytest.approx([0.2, 0.4, 0.6, 0.1, 0.3, 0.4])
    assert [part.name for part in first.parts] == [
        "f", "products and graphs", "stage sums", "error norm", "control", "other",
    ]  # fmt: skip
    assert [part.value for part in second.parts] == pytest.approx([0.48, 0.32, 0.0])


def test_a_backward_pass_that_is_lost_in_noise_is_none_at_all(record):
    """No bar goes backwards."""
    metrics = {"forward_s": 0.010, "forward_backward_s": 0.009}
    (forward, backward) = named([record(metrics=metrics)])["time"].panels[0].bars[0].parts
    assert (forward.value, backward.value) == (10, 0)


def test_points_tell_their_configuration_in_words(record):
    """All of it, with the figures at hand; one table for all charts of a cell."""
    metrics = {"nfe_forward": 26, "vjps": 24, "forward_error": 1e-3, "forward_s": 0.002}
    cell = record(metrics=metrics, options={"width": 8}, solve={"max_steps": 9}, atol=1e-6, run="s/one")
    found = named([cell])
    point, same = (found[name].panels[0].lines[0].points[0] for name in ("precision-nfe", "precision-time"))
    assert point.about == {
        "task": "t", "backend": "torch/dopri5/adjoint", "tolerance": "1e-3, absolute 1e-06", "options": "width=8",
        "solver": "max_steps=9", "type": "float64", "device": "cpu", "seed": "0", "run": "s/one",
        "NFE fwd/vjp": "26/24", "fwd ms": "2", "forward error": "1.0e-3",
    }  # fmt: skip
    assert point.about is same.about


def test_nothing_to_show_is_no_chart(record):
    """Without records, without figures, with failures only."""
    assert charts([], []) == []
    assert charts([record(), record(metrics={"nfe_forward": 1.0}, status=CellStatus.oom)], []) == []


@pytest.mark.parametrize(
    ("run", "wanted"),
    [
        ("mnist/reference-quick-cpu", {"precision-nfe", "gradient-memory", "nfe", "training-loss", "time", "overhead"}),
        (
            "error_control/reference-quick-cpu",
            {"precision-nfe", "forward_s-nfe_forward", "nfe", "training-nfe", "compile"},
        ),
        ("gradients/reference-field-cpu", {"memory_bytes-num_steps", "memory_bytes-option_hidden", "nfe"}),
        ("anode/reference-quick-cpu", {"training-nfe", "training-loss", "training-reconstruction"}),
    ],
)
def test_committed_runs_have_their_charts(committed, run, wanted):
    """Each with panels, lines and points; what is on a logarithmic axis is positive; styles are of known backends."""
    found = {chart.name: chart for chart in committed(run).charts}
    assert wanted <= found.keys()
    for chart in found.values():
        assert chart.panels
        for panel in chart.panels:
            if isinstance(chart, BarChart):
                assert all(part.value >= 0 for bar in panel.bars for part in bar.parts)
                continue
            points = [point for line in panel.lines for point in line.points]
            assert points
            assert all(p.x > 0 for p in points) or not chart.log_x
            assert all(p.y > 0 for p in points) or not chart.log_y
            assert all(guide.name in {line.name for line in panel.lines} for guide in panel.guides if guide.name)


def test_the_work_grows_as_the_records(record):
    """Four times the cells take no more than five times the calls."""

    def calls(n):
        tasks, backends = range(n // 100), [f"library/solver{i}/adjoint" for i in range(20)]
        cells = []
        for task, backend, k in product(tasks, backends, range(5)):
            metrics = {"nfe_forward": 20.0 * 2**k, "nfe_backward": 9.0, "forward_error": 10.0**-k, "overhead": 1.0}
            cells.append(record(backend, metrics, task=f"t/{task}", rtol=10.0**-k, options={"width": task}))
        count = 0

        def profile(*_):
            nonlocal count
            count += 1

        sys.setprofile(profile)
        try:
            charts(cells, fits(cells, [{"x": "nfe_forward", "y": "nfe_backward", "task": "*"}]))
        finally:
            sys.setprofile(None)
        return count

    assert calls(1600) < 5 * calls(400)


def test_a_point_of_a_curve_without_a_step_is_passed_over(record):
    """Or at none: a curve that something else wrote, or that was cut short."""
    curve = [{"step": 1, "loss": 2.0}, {"loss": 1.0}, {"step": float("nan"), "loss": 1.0}, {"step": 3, "loss": 0.5}]
    cell = record()
    cell.curve = curve
    found = named([cell])
    assert lines(found["training-loss"]) == {("t", "torch/dopri5/adjoint"): [(1, 2.0), (3, 0.5)]}

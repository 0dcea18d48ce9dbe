"""What a worker makes of an error, and that it does what it is asked in this process too."""

import pytest

from odebench.contract import SolveError, Status
from odebench.measure.session import Diverged
from odebench.messages import Measured, MeasureRequest
from odebench.worker import _Worker, classify


class XlaError(RuntimeError):
    """Stands for what JAX raises."""


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (SolveError(Status.max_steps, 0.5), "diverged", "max_steps at t=0.5: the solver used up max_steps"),
        (Diverged("the loss is nan"), "diverged", "the loss is nan"),
        (MemoryError(), "oom", "MemoryError:"),
        (RuntimeError("CUDA out of memory. Tried to allocate"), "oom", "RuntimeError: CUDA out of memory"),
        (XlaError("RESOURCE_EXHAUSTED: Out of memory allocating 8 bytes"), "oom", "XlaError: RESOURCE_EXHAUSTED"),
        (RuntimeError("std::bad_alloc"), "oom", "RuntimeError: std::bad_alloc"),
        (ZeroDivisionError("one\ntwo\t three"), "error", "ZeroDivisionError: one two three"),
        (ValueError("x" * 10_000), "error", "ValueError: xxx"),
        (ArithmeticError("not ours"), "error", "ArithmeticError: not ours"),
    ],
)
def test_classify(error, status, reason):
    """By type, or by the words of frameworks that have no type for it; one line, not endless."""
    found = classify(error)
    assert found[0] == status
    assert found[1].startswith(reason)
    assert "\n" not in found[1]
    assert len(found[1]) <= 500


@pytest.fixture
def worker(registry):
    return _Worker(registry, "toy", lambda kind, what: None)


def request(cell, tmp_path, *passes):
    return MeasureRequest(cell, passes, None, tmp_path / "checkpoint.npz", 100, 0.01)


def test_passes_are_made_as_asked(worker, make_cells, tmp_path):
    """Nothing that was not asked for is measured; no accuracy without a reference."""
    (cell,) = make_cells()
    assert set(worker.first_call(cell)) == {"first_call_s", "loss", "parameters"}
    assert worker.measure(request(cell, tmp_path)) == Measured()
    found = worker.measure(request(cell, tmp_path, "memory", "accuracy"))
    assert found == Measured({"memory_bytes": 8})


def test_training_leaves_the_tasks_own_parameters_alone(worker, make_cells, tmp_path):
    """A second backend starts from the same values, though the toy shares memory and trains in place."""
    losses = []
    for cell in make_cells({"backends": ["toy/tsit5/numeric", "toy/dopri5/numeric"]}):
        losses.append(worker.first_call(cell)["loss"])
        curve = worker.measure(request(cell, tmp_path, "training")).curve
        (tmp_path / "checkpoint.npz").unlink(missing_ok=True)
        losses.append(curve[0]["loss"])
    assert losses[2:] == pytest.approx(losses[:2], rel=1e-5)


def test_metrics_of_a_task_are_plain_numbers(worker, make_cells, tmp_path):
    """The toy's ``evaluate`` returns NumPy's float32, which no record could hold."""
    (cell,) = make_cells({"tasks": ["toy/line"], "backends": ["toy"]})
    metrics = worker.measure(request(cell, tmp_path, "training")).metrics
    assert type(metrics["test_error"]) is float


def test_a_timing_sample_is_preceded_by_one_warm_up(worker, make_cells, monkeypatch):
    """Once a kind, and again only in a new process."""
    (cell,) = make_cells()
    kinds = []
    session = worker._open(cell)
    monkeypatch.setattr(session, "sample", lambda kind: kinds.append(kind) or 0.5)
    assert [worker.sample(cell, kind) for kind in ("forward", "forward", "forward_backward")] == [0.5] * 3
    assert kinds == ["forward"] * 3 + ["forward_backward"] * 2


def test_what_is_measured_is_told_at_once(registry, make_cells, tmp_path):
    """Pass by pass and point by point, in the order in which it is known: together what is returned in the end."""
    told = []
    worker = _Worker(registry, "toy", lambda kind, what: told.append(what) if kind == "measured" else None)
    (cell,) = make_cells({"backends": ["toy/rk4/numeric"]}, preset={"options": {"steps": 3}})
    found = worker.measure(request(cell, tmp_path, "training", "counting", "memory"))
    together = Measured()
    for part in told:
        together.add(part)
    assert together == found
    assert [("nfe_forward" in p.metrics, len(p.curve), "learned_rate" in p.metrics) for p in told] == [
        (True, 0, False),
        (False, 0, False),
        (False, 1, False),
        (False, 1, False),
        (False, 1, False),
        (False, 0, False),
        (False, 0, True),
    ]


def test_the_session_of_a_cell_that_failed_is_freed(worker, make_cells):
    """It may hold what made it fail; its rivals' stay."""
    good, bad, *_ = make_cells({"backends": ["toy/dopri5/numeric", "faulty/fails/numeric"]})
    worker.first_call(good)
    with pytest.raises(ZeroDivisionError):
        worker.first_call(bad)
    worker.forget()
    assert set(worker._sessions) == {good.hash}


@pytest.mark.parametrize("arrays", [{"a": [{}]}, {"file": [1.0]}, {"allow_pickle": [1.0]}])
def test_outputs_that_cannot_be_stored(worker, make_cells, tmp_path, monkeypatch, arrays):
    """Objects, and the two names that NumPy's archives have for themselves: the cell ends in error, not the run."""
    (cell,) = make_cells()
    session = worker._open(cell)
    monkeypatch.setattr(session.task, "outputs", lambda predict: arrays, raising=False)
    with pytest.raises(TypeError, match=f"output '{next(iter(arrays))}' cannot be stored"):
        worker.measure(request(cell, tmp_path, "evaluation"))

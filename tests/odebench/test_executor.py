"""Workers are real processes: asked, listened to, killed when they overrun, replaced when they died."""

import os
import signal
from dataclasses import replace

import psutil
import pytest

from odebench.errors import UserError
from odebench.executor import WorkerFailure, Workers
from odebench.record import CellStatus


@pytest.fixture
def workers(plugins, support, tmp_path):
    notes = []
    workers = Workers(plugins, support / "toysuite", tmp_path / "logs", lambda about, text: notes.append(text))
    workers.notes = notes
    yield workers
    workers.stop()


def processes():
    """The workers that live, without multiprocessing's own resource tracker."""
    return [p for p in psutil.Process().children(recursive=True) if "spawn_main" in " ".join(p.cmdline())]


def failure(workers, *request):
    with pytest.raises(WorkerFailure) as caught:
        workers.ask("toy", "cpu", *request)
    return caught.value


def test_one_warm_worker_answers_and_is_replaced_when_it_dies(workers, make_cells):
    """The process stays between requests, also after one that raised; a dead one is replaced; none outlives stop."""
    (cell,) = make_cells()
    (bad,) = make_cells({"backends": ["faulty/fails/numeric"]})[:1]
    (slow,) = (c for c in make_cells({"backends": ["faulty/hangs/numeric"]}) if c.solver == "hangs")
    assert workers.ask("toy", "cpu", 60, "hello", "cpu") == (["cpu", "abacus"], {"toy": "1.0"})
    (first,) = processes()
    os.kill(first.pid, signal.SIGINT)  # as Ctrl-C does to every process of a terminal: only the parent decides
    assert workers.ask("toy", "cpu", 60, "first_call", cell)["parameters"] == 1
    assert workers.notes == ["first call"]
    assert failure(workers, 60, "first_call", bad).status == CellStatus.error
    assert processes() == [first]

    killed = failure(workers, 0.2, "first_call", slow)
    assert (killed.status, killed.reason) == ("timeout", "time_limit used up: killed 0.2 s into 'first_call'")
    assert processes() == []

    assert workers.ask("toy", "cpu", 60, "sample", cell, "forward") > 0
    (second,) = processes()
    assert second != first
    assert workers.ask_fresh("toy", "cpu", 60, "peak", cell)["peak_growth_bytes"] >= 0
    assert processes() == [second]

    dying, *_ = make_cells({"backends": ["faulty/segfaults/numeric"]})
    crashed = failure(workers, 60, "first_call", dying)
    assert crashed.status == CellStatus.crashed
    assert "signal 11" in crashed.reason
    assert processes() == []
    workers.start("toy", "cpu")
    workers.stop()
    assert processes() == []


def test_what_the_user_can_mend_is_told_as_such(workers, make_cells):
    """An error of the user's in a worker is one here too, without a traceback, and the worker goes on."""
    (cell,) = make_cells()
    with pytest.raises(UserError, match="toy has no solver 'none'; valid: bosh3, "):
        workers.ask("toy", "cpu", 60, "first_call", replace(cell, backend="toy/none/numeric"))
    assert workers.ask("toy", "cpu", 60, "first_call", cell)["parameters"] == 1
    assert len(processes()) == 1


def test_a_worker_answers_when_a_request_has_no_time_left(workers, make_cells):
    """A cell that has used up its time is a timeout at once."""
    (cell,) = make_cells()
    assert failure(workers, 0.0, "first_call", cell).status == CellStatus.timeout


def test_what_a_worker_prints_is_in_its_log(workers, tmp_path):
    """Tracebacks among it, and nothing of it on the terminal."""
    assert failure(workers, 60, "no_such_request").status == CellStatus.error
    assert "AttributeError" in (tmp_path / "logs" / "toy-cpu.log").read_text()

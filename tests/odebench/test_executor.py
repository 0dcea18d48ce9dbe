"""Workers are real processes: asked, listened to, killed when they overrun, replaced when they died."""

import os
import pickle
import signal
import subprocess
import sys
import time
from dataclasses import replace

import psutil
import pytest

from odebench.backends import default_registry
from odebench.errors import UserError
from odebench.executor import Worker, WorkerFailure, Workers
from odebench.record import CellStatus


@pytest.fixture
def workers(plugins, support, tmp_path):
    notes = []
    workers = Workers(plugins, support / "toysuite", tmp_path / "logs")
    workers.note = lambda about, text: notes.append(text)
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


def test_a_spare_worker_is_the_first_one(plugins, support, tmp_path):
    """It is spawned before anybody knows what for; the next is spawned when it is asked for."""
    with Worker() as spare:
        (process,) = processes()
        workers = Workers(plugins, support / "toysuite", tmp_path, spare)
        try:
            assert workers.ask("toy", "cpu", 60, "hello", "cpu") == (["cpu", "abacus"], {"toy": "1.0"})
            assert processes() == [process]
            workers.ask("toy", "abacus", 60, "hello", "abacus")
            assert len(processes()) == 2
        finally:
            workers.stop()
    with Worker() as unused:
        assert unused.alive
    assert processes() == []


def test_ctrl_c_is_for_the_parent_from_the_first_moment(plugins, support, tmp_path):
    """While the worker's interpreter starts, too."""
    with Worker() as spare:
        (process,) = processes()
        for _ in range(60):
            process.send_signal(signal.SIGINT)
            time.sleep(0.01)
        workers = Workers(plugins, support / "toysuite", tmp_path, spare)
        try:
            assert workers.ask("toy", "cpu", 60, "hello", "cpu") == (["cpu", "abacus"], {"toy": "1.0"})
            assert processes() == [process]
        finally:
            workers.stop()


def test_a_worker_that_dies_before_it_begins_is_a_crash(plugins, support, tmp_path):
    """And another one answers the next request."""
    with Worker() as spare:
        processes()[0].kill()
        while spare.alive:
            time.sleep(0.01)
        workers = Workers(plugins, support / "toysuite", tmp_path, spare)
        try:
            assert failure(workers, 60, "hello", "cpu").reason == "the worker process ended with signal 9"
            assert workers.ask("toy", "cpu", 60, "hello", "cpu") == (["cpu", "abacus"], {"toy": "1.0"})
        finally:
            workers.stop()


FRAMEWORK = """
import odebench

@odebench.hookimpl
def odebench_register_frameworks(register):
    register(odebench.Framework(name="told", code=".telling:Adapter"))
"""


def test_a_worker_imports_its_framework_before_it_is_asked(support, tmp_path):
    """So that several do, side by side, while their parent has something else to do."""
    plugin = tmp_path / "told"
    plugin.mkdir()
    (plugin / "__init__.py").write_text(FRAMEWORK)
    (plugin / "telling.py").write_text("from pathlib import Path; Path(__file__).with_name('imported').touch()")
    workers = Workers((str(plugin),), support / "toysuite", tmp_path)
    try:
        worker = workers.start("told", "cpu")
        end = time.monotonic() + 60
        while worker.alive and not (plugin / "imported").exists() and time.monotonic() < end:
            time.sleep(0.01)
        assert (plugin / "imported").exists()
        with pytest.raises(WorkerFailure, match="no attribute 'Adapter'"):  # it stands, and is told when it is asked
            workers.ask("told", "cpu", 60, "hello", "cpu")
        assert worker.alive
    finally:
        workers.stop()


def test_a_worker_waits_for_no_import_that_it_does_without():
    """Nor does the parent, until its first worker is on its way."""
    heavy = {"torch", "jax", "optax", "pandas", "pyarrow", "pydantic", "rich"}
    for module, unwanted in (("odebench.worker", heavy), ("odebench.executor", heavy | {"numpy", "pluggy", "email"})):
        code = f"import sys, {module}; assert not {unwanted!r} & set(sys.modules), {unwanted!r} & set(sys.modules)"
        subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("framework", ["torch", "jax", "numpy"])
def test_what_a_framework_says_of_itself_imports_it_nowhere_else(framework):
    """A version that is of a class of its own would: the parent takes it out of a pipe."""
    adapter = default_registry().frameworks[framework].load()
    code = "import pickle, sys; pickle.loads(sys.stdin.buffer.read()); assert sys.argv[1] not in sys.modules"
    told = pickle.dumps((adapter.devices(), adapter.environment()))
    subprocess.run([sys.executable, "-c", code, framework], check=True, input=told)


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

"""The worker process: one framework on one device, answering one request at a time.

A request is ``(name, arguments)``. While it works the worker sends ``("note", text)``, and ``("measured", part)`` as
soon as something is, so that what ends it, even from without, costs none of it; it ends with ``("done", value)``,
``("failed", status, reason)`` or, where the user can mend it, ``("refused", message)``.
The process knows no deadline: its parent kills it.
"""

from __future__ import annotations

import gc
import os
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from odebench import truth
from odebench.cell import Cell
from odebench.contract import SolveError, Unsupported
from odebench.errors import UserError
from odebench.measure import accuracy, counting, difference, overhead, peak, profile, reconstruction, training
from odebench.measure.session import Diverged, Session
from odebench.messages import Measured, MeasureRequest, WorkerSetup
from odebench.record import CellStatus
from odebench.registry import Registry

_OUT_OF_MEMORY = ("out of memory", "RESOURCE_EXHAUSTED", "bad_alloc")


def main(connection: Connection) -> None:
    """Serve a parent until it is gone. Its first message is the :class:`WorkerSetup`, all others are requests."""
    registry = Registry()
    registry.load_entry_points()
    try:
        setup: WorkerSetup = connection.recv()
        _log_to(setup.log)
        registry.load_more(setup.suites, setup.plugins)
        worker = _Worker(registry, setup.framework, lambda kind, what: connection.send((kind, what)))
        with suppress(Exception):  # which the first request raises again, and answers with
            worker.import_framework()
        gc.freeze()  # else to look through all that was imported costs a long solve a tenth of a second, now and then
        _serve(connection, worker)
    except (EOFError, BrokenPipeError):
        return


def _serve(connection: Connection, worker: _Worker) -> None:
    """:raises EOFError: when the parent is gone, or :class:`BrokenPipeError` when it went while this was at work."""
    while True:
        name, arguments = connection.recv()
        answer: tuple[Any, ...]
        try:
            worker.import_framework()
            answer = ("done", getattr(worker, name)(*arguments))
        except UserError as error:
            answer = ("refused", str(error))
        except Exception as error:
            traceback.print_exc()
            sys.stderr.flush()
            answer = ("failed", *classify(error))
            worker.forget()
        connection.send(answer)


def classify(error: Exception) -> tuple[CellStatus, str]:
    """The status and the one-line reason of a cell that raised."""
    reason = " ".join(f"{type(error).__name__}: {error}".split())[:500]
    if isinstance(error, (SolveError, Diverged)):
        return CellStatus.diverged, str(error)
    if isinstance(error, Unsupported):
        return CellStatus.skipped, str(error)
    if isinstance(error, MemoryError) or any(word in str(error) for word in _OUT_OF_MEMORY):
        return CellStatus.oom, reason
    return CellStatus.error, reason


def _log_to(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(handle, 1)
    os.dup2(handle, 2)


class _Worker:
    """The requests by name. Sessions stay alive between ``measure`` and ``close``, for interleaved samples."""

    def __init__(self, registry: Registry, framework: str, send: Callable[[str, Any], None]) -> None:
        self._registry = registry
        self._framework = registry.frameworks[framework]
        self._send = send
        self._sessions: dict[str, Session] = {}
        self._opened = ""

    def import_framework(self) -> None:
        """Without collecting garbage before it is done: there is none, and looking for it takes a tenth of the time."""
        try:
            self._framework.load()
        finally:
            gc.enable()

    def hello(self, device: str) -> tuple[list[str], dict[str, Any]]:
        """The devices that are here, and the framework's part of the environment, as it is when cells are measured."""
        adapter = self._framework.load()
        devices = adapter.devices()
        if device in devices:
            adapter(device, "float32").activate()
        return devices, adapter.environment()

    def first_call(self, cell: Cell) -> dict[str, float]:
        """Make the cell, and its first gradient. See :meth:`Session.first_call`."""
        self._note("first call")
        return self._open(cell).first_call()

    def measure(self, request: MeasureRequest) -> Measured:
        """The passes that need no rival beside them, each apart from the others, and the end of the session."""
        found = Measured()

        def keep(metrics: dict[str, float] | None = None, *points: dict[str, float]) -> None:
            part = Measured(metrics or {}, list(points))
            found.add(part)
            self._send("measured", part)

        session = self._open(request.cell)
        passes: dict[str, tuple[str, Callable[[], dict[str, float]]]] = {
            "counting": ("counting", lambda: counting.count(session)),
            "accuracy": (
                "accuracy",
                lambda: {} if request.reference is None else accuracy.errors(session, request.reference),
            ),
            "difference": ("differences", lambda: difference.difference(session)),
            "reconstruction": ("reconstruction", lambda: reconstruction.reconstruction(session)),
            "memory": ("memory", lambda: session.memory(session.params)),
            "overhead": ("overhead", lambda: overhead.overhead(session, request.seconds)),
            "profile": ("profile", lambda: profile.profile(session, request.seconds)),
            "training": (
                "training",
                lambda: training.train(
                    session,
                    request.checkpoint,
                    request.checkpoint_every,
                    self._note,
                    lambda point: keep(None, point),
                    request.count_every,
                ),
            ),
            "evaluation": ("testing", lambda: training.evaluate(session, session.params)),
        }
        wanted = set(request.passes)
        if "training" in wanted and session.task.recipe is not None:
            wanted.add("evaluation")  # of what was trained
        for name, (title, measure) in passes.items():
            if name in wanted:
                self._note(title)
                keep(measure())
        if "evaluation" in wanted:
            found.outputs = training.outputs(session)
        del self._sessions[request.cell.hash]
        return found

    def sample(self, cell: Cell, kind: str) -> float:
        """One timing sample, in seconds; the first of a kind in this process is preceded by a warm-up call."""
        session = self._open(cell)
        if kind not in session.warm:
            self._note(f"warming up {kind}")
            session.sample(kind)
            session.warm.add(kind)
        return session.sample(kind)

    def truth(self, cell: Cell) -> Any:
        """A reference's prediction and gradients. See :func:`odebench.measure.accuracy.truth`."""
        self._note("reference")
        self._opened = ""
        return accuracy.truth(self._new(cell))

    def routes(self, cell: Cell) -> Any:
        """What is true of a task by the routes that it knows. See :func:`odebench.truth.make`."""
        self._note("reference")
        self._opened = ""
        task = self._registry.tasks[cell.task]
        return truth.make(task, truth.key(task, cell.seed, cell.options))

    def peak(self, cell: Cell) -> dict[str, float]:
        """Asked of a fresh worker only."""
        self._note("process peak")
        return peak.peak_growth(self._new(cell))

    def _note(self, text: str) -> None:
        self._send("note", text)

    def _new(self, cell: Cell) -> Session:
        return Session(cell, self._registry)

    def forget(self) -> None:
        """Free the session that was opened last: its cell has failed."""
        self._sessions.pop(self._opened, None)

    def _open(self, cell: Cell) -> Session:
        self._opened = cell.hash
        if cell.hash not in self._sessions:
            self._sessions[cell.hash] = self._new(cell)
        session = self._sessions[cell.hash]
        session.adapter.activate()
        return session

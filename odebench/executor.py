"""Workers as seen from the process that schedules cells: spawned, asked, and killed when they overrun."""

from __future__ import annotations

import gc
import multiprocessing
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Self

from odebench.errors import UserError
from odebench.messages import Measured, WorkerSetup
from odebench.record import CellStatus

_CONTEXT = multiprocessing.get_context("spawn")  # fork is not safe beside a framework's threads


class WorkerFailure(Exception):
    """A request that was not answered with a value: how it ended, why, and what had been measured by then."""

    def __init__(self, status: CellStatus, reason: str, measured: Measured | None = None) -> None:
        super().__init__(f"{status}: {reason}")
        self.status = status
        self.reason = reason
        self.measured = measured or Measured()


def _main(connection: Connection) -> None:
    """What the spawned process runs."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole terminal; only the parent decides
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    gc.disable()  # until the framework is there: see _Worker.import_framework
    from odebench.worker import main

    main(connection)


@contextmanager
def _ctrl_c_later() -> Iterator[None]:
    """A process that is started meanwhile does not see Ctrl-C before it can say that it ignores it."""
    resource_tracker.ensure_running()  # else starting a process starts it too, and it lets Ctrl-C through afterwards
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Worker:
    """One spawned process and the pipe to it. It gets as ready as it can without knowing what for until :meth:`begin`;
    as a context, it is killed at the end."""

    def __init__(self) -> None:
        self._connection, theirs = _CONTEXT.Pipe()
        self._process = _CONTEXT.Process(target=_main, args=(theirs,), daemon=True)
        with _ctrl_c_later():
            self._process.start()
        theirs.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def begin(self, setup: WorkerSetup) -> None:
        self._log = setup.log
        with suppress(ConnectionError):  # it is dead, as whoever asks it is told
            self._connection.send(setup)

    @property
    def alive(self) -> bool:
        return self._process.is_alive()

    def ask(self, limit: float, note: Callable[[str], None], name: str, *arguments: Any) -> Any:
        """The answer to a request. :raises WorkerFailure: and the process is dead unless it answered itself."""
        deadline = time.monotonic() + limit
        measured = Measured()
        try:
            self._connection.send((name, arguments))
            while (left := deadline - time.monotonic()) > 0 and self._connection.poll(left):
                kind, *rest = self._connection.recv()
                if kind == "note":
                    note(rest[0])
                elif kind == "measured":
                    measured.add(rest[0])
                elif kind == "done":
                    return rest[0]
                elif kind == "refused":
                    raise UserError(rest[0])
                else:
                    status, reason = rest
                    raise WorkerFailure(status, reason, measured)
        except (EOFError, ConnectionError) as error:
            raise WorkerFailure(CellStatus.crashed, self._obituary(), measured) from error
        self.kill()
        raise WorkerFailure(CellStatus.timeout, f"time_limit used up: killed {limit:.3g} s into {name!r}", measured)

    def kill(self) -> None:
        self._process.kill()
        self._process.join()
        self._connection.close()

    def _obituary(self) -> str:
        self._process.join(5)
        code = self._process.exitcode
        self.kill()
        how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
        lines = self._log.read_text(errors="replace").split("\n") if self._log.exists() else []
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return f"the worker process ended with {how}" + (f"; its last line: {last[:200]}" if last else "")


class Workers:
    """One warm worker a (framework, device), made when first needed and again after it died.

    :param plugins: ``--plugin`` references, loaded in every worker as in the parent.
    :param logs: the folder for what workers print.
    :param spare: a worker that has not begun, to be the first.
    :ivar note: is told what is being worked on, and what is being done to it.
    :ivar about: what is being worked on.
    """

    def __init__(self, plugins: tuple[str, ...], suite: Path, logs: Path, spare: Worker | None = None) -> None:
        from odebench.suite import plugin_folders  # not before a spare worker is on its way

        self._plugins, self._suites, self._logs = plugins, tuple(plugin_folders(suite.resolve())), logs
        self._spare = spare
        self.note: Callable[[str, str], None] = lambda *_: None
        self.about = ""
        self._warm: dict[tuple[str, str], Worker] = {}

    def start(self, framework: str, device: str) -> Worker:
        """The warm worker; spawning does not wait, so several frameworks import side by side."""
        key = (framework, device)
        if key not in self._warm or not self._warm[key].alive:
            self._warm[key] = self._spawn(framework, device)
        return self._warm[key]

    def ask(self, framework: str, device: str, limit: float, name: str, *arguments: Any) -> Any:
        return self.start(framework, device).ask(limit, self._tell, name, *arguments)

    def ask_fresh(self, framework: str, device: str, limit: float, name: str, *arguments: Any) -> Any:
        """Ask a process that has done nothing before, and end it."""
        worker = self._spawn(framework, device)
        try:
            return worker.ask(limit, self._tell, name, *arguments)
        finally:
            worker.kill()

    def stop(self) -> None:
        for worker in self._warm.values():
            worker.kill()
        self._warm.clear()

    def _tell(self, text: str) -> None:
        self.note(self.about, text)

    def _spawn(self, framework: str, device: str) -> Worker:
        worker, self._spare = self._spare or Worker(), None
        worker.begin(WorkerSetup(framework, self._plugins, self._suites, self._logs / f"{framework}-{device}.log"))
        return worker

"""Workers as seen from the process that schedules cells: spawned, asked, and killed when they overrun."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from odebench.errors import UserError
from odebench.record import CellStatus
from odebench.worker import Measured, WorkerSetup, main

_CONTEXT = multiprocessing.get_context("spawn")  # fork is not safe beside a framework's threads


class WorkerFailure(Exception):
    """A request that was not answered with a value: how it ended, why, and what had been measured by then."""

    def __init__(self, status: CellStatus, reason: str, measured: Measured | None = None) -> None:
        super().__init__(f"{status}: {reason}")
        self.status = status
        self.reason = reason
        self.measured = measured or Measured()


class Worker:
    """One spawned process and the pipe to it."""

    def __init__(self, setup: WorkerSetup) -> None:
        self._log = setup.log
        self._connection, theirs = _CONTEXT.Pipe()
        self._process = _CONTEXT.Process(target=main, args=(theirs, setup), daemon=True)
        self._process.start()
        theirs.close()

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
    :param note: is told what is being worked on, and what is being done to it.
    :ivar about: what is being worked on.
    """

    def __init__(
        self, plugins: tuple[str, ...], suite: Path, logs: Path, note: Callable[[str, str], None] = lambda *_: None
    ) -> None:
        self._plugins, self._suite, self._logs = plugins, suite, logs
        self._note: Callable[[str], None] = lambda text: note(self.about, text)
        self.about = ""
        self._warm: dict[tuple[str, str], Worker] = {}

    def start(self, framework: str, device: str) -> Worker:
        """The warm worker; spawning does not wait, so several frameworks import side by side."""
        key = (framework, device)
        if key not in self._warm or not self._warm[key].alive:
            self._warm[key] = self._spawn(framework, device)
        return self._warm[key]

    def ask(self, framework: str, device: str, limit: float, name: str, *arguments: Any) -> Any:
        return self.start(framework, device).ask(limit, self._note, name, *arguments)

    def ask_fresh(self, framework: str, device: str, limit: float, name: str, *arguments: Any) -> Any:
        """Ask a process that has done nothing before, and end it."""
        worker = self._spawn(framework, device)
        try:
            return worker.ask(limit, self._note, name, *arguments)
        finally:
            worker.kill()

    def stop(self) -> None:
        for worker in self._warm.values():
            worker.kill()
        self._warm.clear()

    def _spawn(self, framework: str, device: str) -> Worker:
        log = self._logs / f"{framework}-{device}.log"
        return Worker(WorkerSetup(framework, self._plugins, self._suite.resolve(), log))

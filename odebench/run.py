"""Executing a plan: interleaved timing of rivals, then the passes of each cell; one record each."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from odebench.cell import Cell
from odebench.errors import UserError
from odebench.executor import WorkerFailure, Workers
from odebench.measure import timing
from odebench.messages import Measured, MeasureRequest
from odebench.record import CellStatus, Record
from odebench.registry import Registry
from odebench.store import Store
from odebench.suite import Preset, Suite

if TYPE_CHECKING:
    from odebench.reference import References


class Run:
    """One execution of a plan. Every cell ends as a stored record, whatever becomes of it."""

    def __init__(self, suite: Suite, preset: Preset, registry: Registry, workers: Workers, store: Store) -> None:
        self.suite, self.preset, self.registry = suite, preset, registry
        self.workers, self.store = workers, store
        self._records: dict[Cell, Record] = {}
        self._spent: dict[Cell, float] = {}

    @cached_property
    def _references(self) -> References:
        from odebench.reference import References  # and NumPy with it

        return References(self.suite, self.registry, self.workers, self.store, self.preset.time_limit)

    def start_workers(self, cells: list[Cell]) -> None:
        """Start those that are needed: they import their frameworks side by side."""
        for framework, device in _needed(cells):
            self.workers.start(framework, device)

    def check_devices(self, cells: list[Cell]) -> dict[str, Any]:
        """Ask each worker that is needed for its part of the environment.

        :raises UserError: when a cell asks for a device that is not there.
        """
        found = {}
        for framework, device in _needed(cells):
            try:
                devices, environment = self.workers.ask(framework, device, self.preset.time_limit, "hello", device)
            except WorkerFailure as failure:
                raise UserError(f"{framework} does not start: {failure.reason}") from failure
            if device not in devices:
                raise UserError(f"device {device!r} is not there for {framework}; valid: {', '.join(devices)}")
            found[framework] = environment
        return found

    def execute(self, cells: list[Cell]) -> None:
        """Run the cells, those that differ only in backend together, as rivals.

        :raises UserError: before anything is measured, for a reference by a backend that there is not.
        """
        groups: dict[Any, list[Cell]] = {}
        for cell in cells:
            if "accuracy" in cell.measure and not cell.skip:
                self._references.judges(cell)
            key = (
                *(cell.task, cell.device, cell.dtype, cell.rtol, cell.atol, cell.seed),
                repr(sorted(cell.options.items())),
            )
            groups.setdefault(key, []).append(cell)
        for rivals in groups.values():
            self._execute_rivals(rivals)

    def _execute_rivals(self, cells: list[Cell]) -> None:
        for cell in cells:
            with self._guard(cell):
                self._first_call(cell)
        going = [cell for cell in cells if cell in self._records and "timing" in cell.measure]
        if going:
            for cell, samples in timing.interleave(going, self.preset, self._sample).items():
                if cell in self._records:
                    record = self._records[cell]
                    record.samples = samples
                    record.metrics |= timing.metrics(samples, record.metrics["first_call_s"])
        for cell in [cell for cell in cells if cell in self._records]:
            with self._guard(cell):
                self._measure(cell)
                self._finish(cell, CellStatus.ok)

    @contextmanager
    def _guard(self, cell: Cell) -> Iterator[None]:
        """What ends a cell ends nothing else."""
        try:
            yield
        except WorkerFailure as failure:
            self._keep(cell, failure.measured)
            self._finish(cell, failure.status, failure.reason)

    def _keep(self, cell: Cell, measured: Measured) -> None:
        self._records[cell].metrics |= measured.metrics
        self._records[cell].curve = self._records[cell].curve or measured.curve
        if measured.outputs:
            self.store.keep_outputs(cell.hash, measured.outputs)

    def _ask(self, cell: Cell, name: str, *arguments: Any, fresh: bool = False) -> Any:
        """Ask the cell's worker within what is left of the cell's time limit."""
        self.workers.about = cell.label
        ask = self.workers.ask_fresh if fresh else self.workers.ask
        begin = time.monotonic()
        left = self.preset.time_limit - self._spent.get(cell, 0.0)
        try:
            return ask(cell.framework, cell.device, max(left, 0.0), name, *arguments)
        finally:
            self._spent[cell] = self._spent.get(cell, 0.0) + time.monotonic() - begin

    def _first_call(self, cell: Cell) -> None:
        started = datetime.now(UTC).isoformat(timespec="seconds")
        self._records[cell] = Record(
            config=cell.config, hash=cell.hash, row=cell.row, unlike=cell.unlike, started=started
        )
        self._tell("started", cell=cell)
        if cell.skip:
            raise WorkerFailure(CellStatus.skipped, cell.skip)
        self._records[cell].metrics |= self._ask(cell, "first_call", cell)

    def _sample(self, cell: Cell, kind: str) -> float | None:
        try:
            return float(self._ask(cell, "sample", cell, kind))
        except WorkerFailure as failure:
            self._finish(cell, failure.status, failure.reason)
            return None

    def _measure(self, cell: Cell) -> None:
        record = self._records[cell]
        wanted = cell.measure
        request = MeasureRequest(
            cell=cell,
            passes=tuple(wanted),
            reference=self._references.file(cell) if "accuracy" in wanted else None,
            checkpoint=self.store.folder / "checkpoints" / f"{cell.hash}.npz",
            checkpoint_every=self.preset.checkpoint_every,
            count_every=self.preset.count_every,
            seconds=self.preset.time_budget,
        )
        self._keep(cell, self._ask(cell, "measure", request))
        if "peak" in wanted:
            record.metrics |= self._ask(cell, "peak", cell, fresh=True)

    def _finish(self, cell: Cell, status: CellStatus, reason: str = "") -> None:
        record = self._records.pop(cell)
        record.status, record.reason = status, reason
        record.seconds = self._spent.pop(cell, 0.0)
        self.store.append(record)
        self._tell("finished", cell=cell, record=record)

    def _tell(self, what: str, **event: Any) -> None:
        """Call a hook. A listener that fails is logged: what was measured is worth more than who listens."""
        hook = getattr(self.registry.hook, f"odebench_cell_{what}")
        try:
            hook(**event)
        except Exception as error:
            self.store.log(f"a plugin's {hook.name} failed: {type(error).__name__}: {error}")


def _needed(cells: list[Cell]) -> list[tuple[str, str]]:
    return list(dict.fromkeys((cell.framework, cell.device) for cell in cells if not cell.skip))

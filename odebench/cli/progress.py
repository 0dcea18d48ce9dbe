"""The progress of a run, as a plugin on the life of its cells: live on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.text import Text

from odebench.hookspecs import hookimpl

if TYPE_CHECKING:
    from odebench.cell import Cell
    from odebench.record import Record


class Progress:
    """Shows the cell, what is being done to it, elapsed time and an estimate.

    :param cells: the cells that will run.
    """

    def __init__(self, console: Console, cells: list[Cell]) -> None:
        self._console = console
        self._total = len(cells)
        self._done = 0
        self._began = time.monotonic()
        self._bar = Bar(
            TextColumn("{task.fields[cell]}", style="bold", markup=False),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=self._total, cell="starting workers")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def note(self, about: str, text: str) -> None:
        """What is being worked on, and what is being done to it."""
        self._bar.update(self._task, cell=about, description=text)

    @hookimpl
    def odebench_cell_finished(self, cell: Cell, record: Record) -> None:
        self._done += 1
        self._bar.update(self._task, completed=self._done)
        elapsed = time.monotonic() - self._began
        left = elapsed / self._done * (self._total - self._done)
        reason = f" ({record.reason})" if record.reason else ""
        line = f"[{self._done}/{self._total}] {cell.label}: {record.status}{reason}, {record.seconds:.1f} s"
        estimate = f"; {elapsed:.0f} s so far, about {left:.0f} s to go" if left else ""
        self._console.print(Text(line + estimate), soft_wrap=True)

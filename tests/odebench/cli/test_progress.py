"""Progress: a line for each cell in a file or a pipe, a live line on a terminal, whatever text is in either."""

import re
from io import StringIO

import pytest
from rich.console import Console

from odebench.cli.progress import Progress
from odebench.plan import Selection
from odebench.record import CellStatus, Record


@pytest.mark.parametrize("terminal", [False, True])
def test_a_line_for_each_cell(terminal, make_cells):
    """How many are done, which, how it ended and why, how long it took; and an estimate until the last."""
    name = "[bold]Row[/] [/red]"
    cells = make_cells(selection=Selection(devices=("cpu", "abacus")), rows=[{"name": name, "task": "*"}])
    console = Console(file=StringIO(), force_terminal=terminal, width=150, color_system=None)
    records = [Record(c.config, c.hash, c.row, status, reason, seconds=1.25) for c, status, reason in zip(
        cells, (CellStatus.ok, CellStatus.oom), ("", "[/] :smile: no memory"), strict=True)]  # fmt: skip
    with Progress(console, cells) as progress:
        progress.note("[cell]", "starting [/]")
        for cell, record in zip(cells, records, strict=True):
            progress.note("[cell]", "training 1/3, loss [/x]")
            progress._bar.refresh()
            progress.odebench_cell_finished(cell, record)
    text = console.file.getvalue()
    estimate = r"; \d+ s so far, about \d+ s to go\n"
    assert re.search(re.escape(f"[1/2] {name} · toy/dopri5/numeric: ok, 1.2 s") + estimate, text)
    assert f"[2/2] {name} · toy/dopri5/numeric · abacus: oom ([/] :smile: no memory), 1.2 s\n" in text
    assert ("training 1/3, loss [/x]" in text) == terminal

"""How figures grow: the cells that a power law is fitted through, and the law."""

from __future__ import annotations

from collections.abc import Sequence

from odebench.report.charts.cells import Cells
from odebench.report.charts.lines import Names
from odebench.report.charts.model import Chart, Guide, Line, Panel, Point
from odebench.report.charts.words import title
from odebench.report.fits import Growth


def growths(cells: Cells, growth: Sequence[Growth]) -> list[Chart]:
    """A chart for each pair of figures that a suite fits."""
    groups: dict[tuple[str, str], list[Growth]] = {}
    for one in growth:
        groups.setdefault((one.x, one.y), []).append(one)
    return [
        Chart(
            f"{y}-{x}", f"Growth: {_short(y)} with {_short(x)}", title(x), title(y), _panels(cells, some), joined=False
        )
        for (x, y), some in groups.items()
    ]


def _panels(cells: Cells, growth: Sequence[Growth]) -> list[Panel]:
    names = Names([record for one in growth for _, _, record in one.cells])
    groups: dict[str, list[tuple[str, Growth]]] = {}
    for one in growth:
        option = one.x.removeprefix("option_").removeprefix("solve_")
        groups.setdefault(one.task, []).append((names.line(one.cells[0][2], "seed", option), one))
    return [
        Panel(task, [_line(cells, *named) for named in some], [_guide(*named) for named in some])
        for task, some in groups.items()
    ]


def _line(cells: Cells, name: str, one: Growth) -> Line:
    points = [Point(x, y, cells.about(record)) for x, y, record in one.cells]
    return Line(one.backend, name, sorted(points, key=lambda point: point.x))


def _guide(name: str, one: Growth) -> Guide:
    law = one.law
    beside = f"{law.constant:.3g} + … " if law.constant else "∝ "
    label = f"{name}: {beside}{title(one.x)}^{law.exponent:.2f}"
    return Guide(label, law.factor, law.exponent, one.backend, one.span, name, law.constant)


def _short(name: str) -> str:
    return title(name).partition(",")[0]

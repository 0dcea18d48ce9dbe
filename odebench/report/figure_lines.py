"""One figure against another, drawn by matplotlib: a panel a task, a line a backend."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import (
    FuncFormatter,
    LogLocator,
    MaxNLocator,
    NullFormatter,
    NullLocator,
)

from odebench.report.charts.model import Chart, Guide, Panel
from odebench.report.figures import look, written
from odebench.report.palette import Style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

PANELS = 12
NAMES = 24
"""The most lines that a legend names; of more, it names the backends."""
BACKENDS = 60
GUIDES = 12
"""The most that the legend of a panel tells."""
_ROW, _LETTER = 0.17, 0.062  # inches that a legend's row and letter take
Looks = dict[tuple[str, str], dict[str, Any]]


def draw_lines(chart: Chart, styles: Mapping[str, Style]) -> Figure:
    """What is left out is said below the title."""
    panels = chart.panels[:PANELS]
    looks = _looks(panels, styles)
    handles = _handles(looks, chart.joined)
    columns = min(3, len(panels))
    rows = math.ceil(len(panels) / columns)
    width = max(4.2 * columns + 0.3, 6.3)
    letters = max(len(str(handle.get_label())) for handle in handles) + 8
    abreast = max(1, min(columns + 1, len(handles), int(width / (_LETTER * letters))))
    height = 3.0 * rows + _ROW * math.ceil(len(handles) / abreast) + 0.6
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for ax, panel in zip(axes, panels, strict=False):
        _panel(ax, panel, chart, looks)
    for ax in axes[len(panels) :]:
        ax.set_visible(False)
    figure.legend(handles=handles, loc="outside lower center", ncols=abreast, frameon=False, fontsize=8)
    left_out = f"{len(panels)} of {len(chart.panels)} tasks are shown" if len(panels) < len(chart.panels) else ""
    if title := "\n".join(filter(None, [chart.title, left_out])):
        figure.suptitle(title, fontsize=10)
    return figure


def _looks(panels: Sequence[Panel], styles: Mapping[str, Style]) -> Looks:
    """One for each name, by how many of its backend come before it; one for each backend where there are many names."""
    names = list(dict.fromkeys((line.backend, line.name) for panel in panels for line in panel.lines))
    if len(names) > NAMES:
        return {(backend, name): look(styles[backend]) for backend, name in names}
    before: Counter[str] = Counter()
    found: Looks = {}
    for backend, name in names:
        found[backend, name] = look(styles[backend], before[backend])
        before[backend] += 1
    return found


def _handles(looks: Looks, joined: bool) -> list[Line2D]:
    """The entries of the legend: lines, or backends where there are too many of them."""
    named = {name: kind for (_, name), kind in looks.items()}
    if len(looks) > NAMES:
        named = {backend: kind for (backend, _), kind in looks.items()}
    shown = list(named.items())[:BACKENDS]
    found = [
        Line2D([], [], label=written(name), markersize=4, linewidth=1.3, **_lined(kind, joined)) for name, kind in shown
    ]
    if more := len(named) - len(shown):
        found.append(Line2D([], [], linestyle="none", label=f"and {more} more"))
    return found


def _lined(kind: dict[str, Any], joined: bool) -> dict[str, Any]:
    return kind if joined else kind | {"linestyle": "none"}


def _panel(ax: Axes, panel: Panel, chart: Chart, looks: Looks) -> None:
    for line in panel.lines:
        x, y = [point.x for point in line.points], [point.y for point in line.points]
        every = max(1, len(x) // 10) if len(x) > 30 else 1
        kind = _lined(looks[line.backend, line.name], chart.joined)
        ax.plot(x, y, markersize=4, linewidth=1.3, markevery=every, **kind)
    ax.set_xscale("log" if chart.log_x else "linear")
    ax.set_yscale("log" if chart.log_y else "linear")
    guides = [_guide(ax, guide, panel, looks) for guide in panel.guides]
    if 0 < len(guides) <= GUIDES:
        ax.legend(handles=guides, fontsize=7, frameon=False)
    ax.set_title(written(panel.title))
    ax.set_xlabel(written(chart.x))
    ax.set_ylabel(written(chart.y))
    points = [point for line in panel.lines for point in line.points]
    if chart.log_x:
        _ticks(ax.xaxis, [point.x for point in points])
    if chart.log_y:
        _ticks(ax.yaxis, [point.y for point in points])
    ax.grid(visible=True, alpha=0.25, linewidth=0.5)


def _ticks(axis: Axis, values: Sequence[float]) -> None:
    """What spans less than two decades has more numbers than the powers of ten."""
    decades = math.log10(max(values) / min(values))
    if decades < 0.5:
        axis.set_major_locator(MaxNLocator(5))
        axis.set_minor_locator(NullLocator())
    elif decades < 2:
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_minor_formatter(NullFormatter())
    if decades < 2:
        axis.set_major_formatter(FuncFormatter(lambda value, _: _number(value)))


def _number(value: float) -> str:
    return f"{value:,.4g}" if 1e-2 <= value < 1e4 else f"{value:,.3g}".replace("e-0", "e-").replace("e+0", "e")


def _guide(ax: Axes, guide: Guide, panel: Panel, looks: Looks) -> Line2D:
    """Draw it. :returns: how the panel's legend shows it: by its exponent, where the picture's has its name."""
    xs = [point.x for line in panel.lines for point in line.points]
    x = np.geomspace(*(guide.span or (min(xs), max(xs))), 50)
    y = guide.constant + guide.factor * x**guide.exponent
    if not guide.backend:
        (drawn,) = ax.plot(x, y, color="#777777", linewidth=0.9, linestyle=(0, (1 + 4 * guide.factor, 2)))
        drawn.set_label(written(guide.label))
        return drawn
    kind = looks[guide.backend, guide.name]
    ax.plot(x, y, linewidth=1, **(kind | {"marker": ""}))
    beside = "const. + " if guide.constant else "∝ "
    return Line2D([], [], label=f"{beside}x^{guide.exponent:.2f}", markersize=4, linewidth=1, **kind)

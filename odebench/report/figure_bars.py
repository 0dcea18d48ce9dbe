"""Bars drawn by matplotlib: a panel a task, one below the other, for their names are long."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from matplotlib.figure import Figure
from matplotlib.patches import Patch

from odebench.report.charts.model import Bar, BarChart, BarPanel, Part
from odebench.report.figures import paler, written
from odebench.report.palette import COLOURS, Style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PANELS = 12
BARS = 120
"""Of all panels together."""
_SHADES = (0.0, 0.5, 0.75)
_GREY = "#555555"


def draw_bars(chart: BarChart, styles: Mapping[str, Style]) -> Figure:
    """What is left out is said in the titles."""
    panels = chart.panels[:PANELS]
    shown = [panel.bars[: BARS // len(panels)] for panel in panels]
    figure = Figure(figsize=(8.4, sum(0.2 * len(bars) + 0.75 for bars in shown) + 0.7), layout="constrained")
    heights = [0.2 * len(bars) + 0.25 for bars in shown]
    axes = list(figure.subplots(len(panels), 1, squeeze=False, height_ratios=heights).flat)
    for ax, panel, bars in zip(axes, panels, shown, strict=True):
        _panel(ax, panel, bars, styles, chart)
    axes[-1].set_xlabel(written(chart.value))
    parts = dict.fromkeys(part.name for bars in shown for bar in bars for part in bar.parts)
    if len(parts) > 1:
        places = _places(chart)
        handles = [Patch(color=_colour(chart, places[name], _GREY), label=written(name)) for name in parts]
        figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False, fontsize=8)
    left_out = f"\n{len(panels)} of {len(chart.panels)} tasks are shown" if len(panels) < len(chart.panels) else ""
    figure.suptitle(f"{chart.title}{left_out}", fontsize=10)
    return figure


def _places(chart: BarChart) -> dict[str, int]:
    """The parts of a chart in order."""
    names = dict.fromkeys(part.name for panel in chart.panels for bar in panel.bars for part in bar.parts)
    return {name: i for i, name in enumerate(names)}


def _colour(chart: BarChart, place: int, colour: str) -> str:
    """:param colour: of the backend, of which a part is a shade where the parts have no colours of their own."""
    return COLOURS[place % len(COLOURS)] if chart.by_part else paler(colour, _SHADES[place % len(_SHADES)])


def _panel(ax: Axes, panel: BarPanel, bars: Sequence[Bar], styles: Mapping[str, Style], chart: BarChart) -> None:
    places, limit = _places(chart), chart.limit
    for at, bar in enumerate(bars):
        left = end = 0.0
        for part in bar.parts:
            colour = _colour(chart, places[part.name], COLOURS[styles[bar.backend].colour])
            ax.barh(at, part.value, left=left, height=0.7, color=colour)
            end = max(_interval(ax, at, left, part), left + part.value)
            left += part.value
        ax.annotate(f"{left:.3g}", (end, at), (4, 0), textcoords="offset points", va="center", fontsize=7)
    if limit is not None:
        ax.axvline(limit, color=_GREY, linewidth=0.9, linestyle="--")
    ax.set_yticks(range(len(bars)), [written(bar.name) for bar in bars], fontsize=7)
    ax.set_ylim(len(bars) - 0.4, -0.6)
    ax.margins(x=0.12)
    left_out = f" ({len(bars)} of {len(panel.bars)} cells)" if len(bars) < len(panel.bars) else ""
    ax.set_title(written(panel.title) + left_out)
    ax.grid(visible=True, axis="x", alpha=0.25, linewidth=0.5)


def _interval(ax: Axes, at: int, left: float, part: Part) -> float:
    """Draw it. :returns: where it ends; 0 where there is none."""
    if not (math.isfinite(part.low) and math.isfinite(part.high)):
        return 0.0
    ax.plot([left + part.low, left + part.high], [at, at], color="black", linewidth=0.8, marker="|", markersize=4)
    return left + part.high

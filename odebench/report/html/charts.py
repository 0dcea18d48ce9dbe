"""Charts as the page's script reads them: every word is stored once, and what is said of a cell once for all charts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from odebench.report.charts.model import BarChart, BarPanel, Chart, Guide, Line, Panel
from odebench.report.palette import Style

About = Mapping[str, str]


def plain(charts: Sequence[Chart | BarChart], styles: Mapping[str, Style]) -> dict[str, Any]:
    """The charts in lists and tables, ready for JSON.

    ``words`` has every text; names are places in it. ``cells`` has what is said of a point that is in several charts,
    as pairs of places; a line says its points' places in that. Of points that are in one place only it says
    ``{"all": [key, word, …], "each": {key: [word of every point]}}``, with -1 where a point says nothing.

    :param styles: of the backends, of which a line says the place.
    """
    tables = _Tables(charts, styles)
    drawn = [_bars(chart, tables) if isinstance(chart, BarChart) else _lines(chart, tables) for chart in charts]
    named = [[tables.word(name), style.colour, style.marker, style.dash] for name, style in styles.items()]
    return {"backends": named, "charts": drawn, "cells": tables.cells, "words": list(tables.words)}


class _Tables:
    """What the charts refer to by its place."""

    def __init__(self, charts: Sequence[Chart | BarChart], styles: Mapping[str, Style]) -> None:
        self.words: dict[str, int] = {}
        self.cells: list[list[int]] = []
        self._places: dict[int, int] = {}
        self._backends = {name: i for i, name in enumerate(styles)}
        self._uses: dict[int, int] = {}
        for about in _abouts(charts):
            self._uses[id(about)] = self._uses.get(id(about), 0) + 1

    def word(self, word: str) -> int:
        return self.words.setdefault(str(word), len(self.words))

    def backend(self, name: str) -> int:
        """-1 where it is nobody's."""
        return self._backends.get(name, -1)

    def about(self, abouts: Sequence[About]) -> Any:
        if all(self._uses[id(about)] > 1 for about in abouts):
            return [self._cell(about) for about in abouts]
        return self._shared(abouts)

    def _cell(self, about: About) -> int:
        if id(about) not in self._places:
            self._places[id(about)] = len(self.cells)
            self.cells.append([self.word(word) for pair in about.items() for word in pair])
        return self._places[id(about)]

    def _shared(self, abouts: Sequence[About]) -> dict[str, Any]:
        keys = list(dict.fromkeys(key for about in abouts for key in about))
        everywhere = [key for key in keys if len({about.get(key) for about in abouts}) == 1]
        each = {
            str(self.word(key)): [self.word(about[key]) if key in about else -1 for about in abouts]
            for key in keys
            if key not in everywhere
        }
        return {"all": [self.word(word) for key in everywhere for word in (key, abouts[0][key])], "each": each}


def _abouts(charts: Sequence[Chart | BarChart]) -> list[About]:
    found: list[About] = []
    for chart in charts:
        if isinstance(chart, BarChart):
            found += [bar.about for panel in chart.panels for bar in panel.bars]
        else:
            found += [point.about for panel in chart.panels for line in panel.lines for point in line.points]
    return found


def _lines(chart: Chart, tables: _Tables) -> dict[str, Any]:
    def of(panel: Panel) -> dict[str, Any]:
        lines = [_line(line, chart, tables) for line in panel.lines]
        guides = [_guide(guide, tables) for guide in panel.guides]
        return {"title": tables.word(panel.title), "lines": lines, "guides": guides}

    axes = {"x": chart.x, "y": chart.y, "logX": chart.log_x, "logY": chart.log_y, "joined": chart.joined}
    return {"title": chart.title, **axes, "panels": [of(panel) for panel in chart.panels]}


def _line(line: Line, chart: Chart, tables: _Tables) -> dict[str, Any]:
    points = [p for p in line.points if _drawable(p.x, chart.log_x) and _drawable(p.y, chart.log_y)]
    return {
        "backend": tables.backend(line.backend),
        "name": tables.word(line.name),
        "x": [_short(p.x) for p in points],
        "y": [_short(p.y) for p in points],
        "about": tables.about([p.about for p in points]),
    }


def _guide(guide: Guide, tables: _Tables) -> dict[str, Any]:
    return {
        "label": tables.word(guide.label),
        "constant": guide.constant,
        "factor": guide.factor,
        "exponent": guide.exponent,
        "backend": tables.backend(guide.backend),
        "span": guide.span,
        "line": tables.word(guide.name),
    }


def _bars(chart: BarChart, tables: _Tables) -> dict[str, Any]:
    def of(panel: BarPanel) -> dict[str, Any]:
        bars = [
            {
                "backend": tables.backend(bar.backend),
                "name": tables.word(bar.name),
                "parts": [[tables.word(p.name), *map(_short, (p.value, p.low, p.high))] for p in bar.parts],
                "about": tables.about([bar.about]),
            }
            for bar in panel.bars
        ]
        return {"title": tables.word(panel.title), "bars": bars}

    panels = [of(panel) for panel in chart.panels]
    axis = {"x": chart.value, "limit": _short(chart.limit), "byPart": chart.by_part}
    return {"title": chart.title, **axis, "panels": panels}


def _drawable(value: float, log: bool) -> bool:
    return math.isfinite(value) and (value > 0 or not log)


def _short(value: float | None) -> float | int | None:
    """As many digits as a screen can show; None, which JSON knows, where it is no number."""
    if value is None or not math.isfinite(value):
        return None
    short = float(f"{value:.5g}")
    return int(short) if short.is_integer() and abs(short) < 1e15 else short

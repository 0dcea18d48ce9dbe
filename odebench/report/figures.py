"""Charts drawn by matplotlib, as a file; what is the same in all pictures."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.colors import to_hex, to_rgb

from odebench.errors import UserError
from odebench.report import palette
from odebench.report.charts.model import BarChart, Chart
from odebench.report.labels import plain
from odebench.report.palette import COLOURS, Style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MARKERS = "osD^vPX*"
"""matplotlib's, in the order of :data:`odebench.report.palette.MARKERS`."""
WORDS = 60
"""Letters of a name that are shown."""
_SETTINGS: Any = {"font.size": 9, "svg.hashsalt": "odebench", "axes.spines.top": False, "axes.spines.right": False}


def draw(chart: Chart | BarChart, styles: Mapping[str, Style], file: Path) -> None:
    """Write the picture; its format is the file's ending (svg, png, pdf).

    :param styles: of all backends of the run.
    :raises UserError: when the format is none of matplotlib's, or the file cannot be written.
    """
    from odebench.report.figure_bars import draw_bars
    from odebench.report.figure_lines import draw_lines

    with settings():
        save(draw_bars(chart, styles) if isinstance(chart, BarChart) else draw_lines(chart, styles), file)


def settings() -> Any:
    """A context in which pictures look alike, and the same data gives the same file."""
    return mpl.rc_context(_SETTINGS)


def save(figure: Figure, file: Path) -> None:
    """:raises UserError: for a format that is none of matplotlib's, or a place that cannot be written to."""
    if not file.suffix:
        raise UserError(f"--output {file}: its ending says the format, as in {file}.svg")
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing from font")  # a box stands for it
            warnings.filterwarnings("ignore", "overflow encountered", RuntimeWarning)  # beyond an axis up to 1e308
            figure.savefig(file, metadata={"Date": None} if file.suffix == ".svg" else None, dpi=150)
    except ValueError as error:
        raise UserError(f"--output {file}: {error}") from error
    except OSError as error:
        raise UserError(f"--output {file}: {error.strerror}") from error


def written(text: str, limit: int = WORDS) -> str:
    """A name on one line, shortened in its middle, in which no letter is a command to matplotlib."""
    text = plain(text)
    if len(text) > limit:
        text = f"{text[: limit // 2]}…{text[len(text) - limit // 2 + 1 :]}"
    return text.replace("$", r"\$").replace("_", " _", 1) if text.startswith("_") else text.replace("$", r"\$")


def look(style: Style, variant: int = 0) -> dict[str, Any]:
    """Keywords of a line of a backend.

    :param variant: a backend's second line is paler and has another marker, and so on.
    """
    shade = (0.0, 0.35, 0.6)[variant % 3]
    marker = palette.MARKERS.index(style.marker) + variant
    return {
        "color": paler(COLOURS[style.colour], shade),
        "marker": MARKERS[marker % len(MARKERS)],
        "linestyle": style.dash,
    }


def paler(colour: str, by: float) -> str:
    """:param by: 0 leaves it as it is, 1 makes it white."""
    red, green, blue = (x + by * (1 - x) for x in to_rgb(colour))
    return to_hex((red, green, blue))

"""Pictures of a run's records: one figure against another, a panel a task, a line a backend."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from odebench.errors import UserError, choices
from odebench.record import CellStatus, Record
from odebench.report.labels import label
from odebench.report.precision import reported_error

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe & Ito's palette without its yellow, which is too pale for a line: told apart by colour-blind readers.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = "osD^vP*X"
TITLES = {
    "nfe_forward": "evaluations of f, forward",
    "nfe_backward": "evaluations of f, backward",
    "vjps": "vector–Jacobian products",
    "forward_error": "relative error",
    "gradient_error": "relative gradient error",
    "forward_s": "forward, seconds",
    "forward_backward_s": "forward and backward, seconds",
    "memory_bytes": "memory of one gradient, bytes",
    "reconstruction_error": "reconstruction error",
    "num_steps": "steps",
    "rtol": "tolerance",
    "test_error": "test error",
}
_SETTINGS: Any = {"font.size": 9, "svg.hashsalt": "odebench", "axes.spines.top": False, "axes.spines.right": False}
Point = tuple[float, float]
Style = dict[str, Any]


def value(record: Record, name: str) -> float:
    """A metric, an entry of the configuration or an option (``option_outputs``) as a number; NaN where it is none."""
    if name.endswith("_error") and name in record.metrics:
        return reported_error(record, name)
    known = record.metrics | record.config | {f"option_{k}": v for k, v in record.config.get("options", {}).items()}
    found = known.get(name)
    return float(found) if isinstance(found, int | float) else math.nan


def lines(records: Sequence[Record], x: str, y: str) -> dict[str, dict[str, list[Point]]]:
    """task → label → points in the order of x, of the cells that ended well; a curve's points where x is ``step``."""
    found: dict[str, dict[str, list[Point]]] = {}
    for record in records:
        if record.status is not CellStatus.ok:
            continue
        name = label(record, records, without=x.removeprefix("option_"))
        points = [(p.get(x, math.nan), p.get(y, math.nan)) for p in record.curve] if x == "step" else []
        points = points or [(value(record, x), value(record, y))]
        points = [point for point in points if all(math.isfinite(v) for v in point)]
        if points:
            found.setdefault(record.config["task"], {}).setdefault(name, []).extend(points)
    return {task: {name: sorted(points) for name, points in named.items()} for task, named in found.items()}


def draw(records: Sequence[Record], x: str, y: str, file: Path) -> None:
    """Write the picture; its format is the file's ending (svg, png, pdf).

    :raises UserError: when no record has both figures, or the format is none of matplotlib's.
    """
    from matplotlib.figure import Figure

    panels = lines(records, x, y)
    if not panels:
        known = {"step"} if any(record.curve for record in records) else set()
        for record in records:
            known |= {*record.metrics, *record.config} | {f"option_{name}" for name in record.config.get("options", {})}
        missing = next((name for name in (x, y) if name not in known), f"{y} against {x}")
        raise UserError(f"no record that ended well has {missing}; {choices(missing, known)}")
    columns = min(3, len(panels))
    rows = math.ceil(len(panels) / columns)
    names = dict.fromkeys(name for named in panels.values() for name in named)
    styles = {name: _style(i) for i, name in enumerate(names)}
    with settings():
        figure = Figure(
            figsize=(4.2 * columns + 0.3, 3.2 * rows + 0.17 * math.ceil(len(names) / 3) + 0.3), layout="constrained"
        )
        axes = figure.subplots(rows, columns, squeeze=False)
        for ax, task in zip(axes.flat, panels, strict=False):
            _panel(ax, task, panels[task], styles, x, y)
        for ax in axes.flat[len(panels) :]:
            ax.set_visible(False)
        handles = {name: h for ax in axes.flat for h, name in zip(*ax.get_legend_handles_labels(), strict=True)}
        figure.legend(
            handles.values(), handles.keys(), loc="outside lower center", ncols=columns, frameon=False, fontsize=8
        )
        save(figure, file)


def settings() -> Any:
    """A context in which pictures look alike, and the same data gives the same file."""
    import matplotlib as mpl

    return mpl.rc_context(_SETTINGS)


def save(figure: Figure, file: Path) -> None:
    """:raises UserError: for a format that is none of matplotlib's, or a place that cannot be written to."""
    if not file.suffix:
        raise UserError(f"--output {file}: its ending says the format, as in {file}.svg")
    try:
        figure.savefig(file, metadata={"Date": None} if file.suffix == ".svg" else None, dpi=150)
    except ValueError as error:
        raise UserError(f"--output {file}: {error}") from error
    except OSError as error:
        raise UserError(f"--output {file}: {error.strerror}") from error


def _style(i: int) -> Style:
    dashes = ("-", "--", ":")[i // len(COLOURS) % 3]
    return {"color": COLOURS[i % len(COLOURS)], "marker": MARKERS[i % len(MARKERS)], "linestyle": dashes}


def _panel(ax: Axes, task: str, named: dict[str, list[Point]], styles: dict[str, Style], x: str, y: str) -> None:
    for name, points in named.items():
        xs, ys = zip(*points, strict=True)
        ax.plot(xs, ys, label=name, markersize=4, linewidth=1.3, **styles[name])
    every = [point for points in named.values() for point in points]
    if min(p[0] for p in every) > 0 and x != "step":
        ax.set_xscale("log")
        ax.xaxis.set_minor_formatter("")
    if min(p[1] for p in every) > 0:
        ax.set_yscale("log")
    ax.set_title(task)
    ax.set_xlabel(TITLES.get(x, x.removeprefix("option_")))
    ax.set_ylabel(TITLES.get(y, y))
    ax.grid(visible=True, alpha=0.25, linewidth=0.5)

"""What was learned, drawn: a panel a backend, by the first seed that there is."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from odebench.report.palette import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from odebench.record import Record

Outputs = Callable[["Record"], dict[str, Any]]
_COORDINATES = ("$x$", "$y$")


def draw_trajectory(records: Sequence[Record], outputs: Outputs) -> Figure:
    def panel(ax: Axes, found: dict[str, Any]) -> None:
        for i, name in enumerate(_COORDINATES):
            ax.plot(found["ts"], found["true"][:, i], color=COLOURS[i], label=f"{name}, true")
            ax.plot(found["ts"], found["learned"][:, i], "--", color=COLOURS[i], label=f"{name}, learned")
        ax.set(xlabel="$t$", ylim=(-2.5, 2.5))

    return _panels(records, outputs, panel)


def draw_phase(records: Sequence[Record], outputs: Outputs) -> Figure:
    def panel(ax: Axes, found: dict[str, Any]) -> None:
        ax.plot(*found["true"].T, color=COLOURS[0], label="true")
        ax.plot(*found["learned"].T, "--", color=COLOURS[1], label="learned")
        ax.set(xlabel="$x$", ylabel="$y$", xlim=(-2.2, 2.2), ylim=(-2.2, 2.2), aspect="equal")

    return _panels(records, outputs, panel)


def _panels(records: Sequence[Record], outputs: Outputs, panel: Callable[[Axes, dict[str, Any]], None]) -> Figure:
    from matplotlib.figure import Figure

    chosen = _chosen(records)
    columns = min(4, len(chosen))
    rows = math.ceil(len(chosen) / columns)
    figure = Figure(figsize=(3.3 * columns, 2.9 * rows + 0.3), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    for ax, (title, record) in zip(axes.flat, chosen.items(), strict=False):
        panel(ax, outputs(record))
        ax.set_title(f"{title}\nL1 {record.metrics['trajectory_l1']:.3f}", fontsize=8)
    for ax in axes.flat[len(chosen) :]:
        ax.set_visible(False)
    handles, labels = axes.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False, fontsize=8)
    return figure


def _chosen(records: Sequence[Record]) -> dict[str, Record]:
    """The first trained record of each task and backend."""
    found: dict[str, Record] = {}
    for record in records:
        name = f"{record.config['task']}, {record.config['backend']}"
        if record.metrics.get("train_steps") and "trajectory_l1" in record.metrics:
            found.setdefault(name, record)
    return found

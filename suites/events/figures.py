"""What was seen of the ball, what was learnt of it, and what is told of the time after."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from odebench.report.palette import COLOURS

from .observed import SEEN

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from odebench.record import Record


def draw_paths(records: Sequence[Record], outputs: Callable[[Record], dict[str, Any]]) -> Figure:
    """A panel for each task and noise, by its first trained record."""
    from matplotlib.figure import Figure

    chosen: dict[str, Record] = {}
    for record in records:
        if record.metrics.get("train_steps") and "relative_l1" in record.metrics:
            noise = record.config["options"].get("noise", 0.0)
            chosen.setdefault(f"{record.config['task']}, noise {noise}", record)
    figure = Figure(figsize=(6.5, 2.2 * len(chosen) + 0.4), layout="constrained")
    axes = figure.subplots(len(chosen), 1, squeeze=False, sharex=True)[:, 0]
    for ax, (title, record) in zip(axes, chosen.items(), strict=True):
        found = outputs(record)
        ts, seen = found["ts"], found["seen"]
        ax.plot(ts[: len(seen)], seen, ".", markersize=2, color="#888888", label="seen")
        ax.plot(ts, found["true"], color=COLOURS[0], label="true")
        ax.plot(ts, found["learned"], "--", color=COLOURS[1], label="learnt")
        ax.axvline(SEEN, color="black", linewidth=0.6)
        ax.set(ylim=(-1, 11), ylabel="height")
        ax.set_title(f"{title} · {record.config['backend']}", fontsize=8)
    axes[-1].set_xlabel("$t$")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    return figure

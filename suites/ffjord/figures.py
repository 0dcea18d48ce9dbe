"""The suite's pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from odebench.record import Record
from odebench.report.palette import COLOURS

from .toy import SPAN

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Outputs = Callable[[Record], dict[str, Any]]
SHOWN = 4.0
ROWS = ("data", "learnt density", "samples")


def draw_densities(records: Sequence[Record], outputs: Outputs) -> Figure:
    """A column a density, of the first record that has it: data, density on [−4, 4]², samples."""
    from matplotlib.figure import Figure

    first = _first([r for r in records if "density" in outputs(r)], "density")
    figure = Figure(figsize=(1.9 * max(1, len(first)) + 0.3, 6.0), layout="constrained")
    axes = figure.subplots(3, max(1, len(first)), squeeze=False)
    for column, (name, record) in zip(axes.T, first.items(), strict=False):
        found = outputs(record)
        steps = record.config["options"].get("steps", "all")
        column[0].set_title(f"{name}, {record.metrics['test_nats']:.2f} nats\n{steps} iterations", fontsize=9)
        column[1].imshow(found["density"], extent=(-SPAN, SPAN, -SPAN, SPAN), origin="lower", cmap="viridis")
        for ax, points in ((column[0], found["data"]), (column[2], found["samples"])):
            ax.plot(*points.T.astype(float), ".", markersize=1.2, color=COLOURS[0])
        for ax in column:
            ax.set(xlim=(-SHOWN, SHOWN), ylim=(-SHOWN, SHOWN), xticks=[], yticks=[], aspect="equal")
    for ax, label in zip(axes[:, 0], ROWS, strict=True):
        ax.set_ylabel(label)
    return figure


def draw_images(records: Sequence[Record], outputs: Outputs) -> Figure:
    """Samples of the first flow beside test images."""
    from matplotlib.figure import Figure

    found = outputs(records[0])
    figure = Figure(figsize=(6.0, 3.3), layout="constrained")
    bits = f"samples, {records[0].metrics['test_bits']:.2f} bits/dim"
    for ax, (name, title) in zip(figure.subplots(1, 2), (("samples", bits), ("data", "test images")), strict=True):
        rows = found[name].reshape(4, 4, *found[name].shape[1:])
        ax.imshow(np.concatenate([np.concatenate(list(row), axis=1) for row in rows]), cmap="gray_r")
        ax.set_title(title)
        ax.set_axis_off()
    return figure


def draw_cost(records: Sequence[Record], outputs: Outputs) -> Figure:
    """Seconds and bytes of a gradient against D: a colour a backend, dashed for the exact trace."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.4, 3.6), layout="constrained")
    axes = figure.subplots(1, 2)
    for ax, (metric, label) in zip(
        axes, (("forward_backward_s", "seconds of a gradient"), ("memory_bytes", "bytes of a gradient")), strict=True
    ):
        for i, backend in enumerate(sorted({r.config["backend"] for r in records})):
            for trace, style in (("rademacher", "-o"), ("exact", "--s")):
                points = sorted(
                    (r.config["options"]["dimension"], r.metrics[metric])
                    for r in records
                    if r.config["backend"] == backend and _trace(r) == trace and metric in r.metrics
                )
                if points:
                    colour = COLOURS[i % len(COLOURS)]
                    ax.loglog(
                        *zip(*points, strict=True), style, color=colour, markersize=4, label=f"{backend}, {trace}"
                    )
        ax.set_xlabel("D")
        ax.set_ylabel(label)
        ax.grid(visible=True, alpha=0.25, linewidth=0.5)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False, fontsize=7)
    return figure


def _trace(record: Record) -> str:
    return str(record.config["options"].get("trace", "rademacher"))


def _first(records: Sequence[Record], option: str) -> dict[str, Record]:
    """By an option's value, the record of the tightest tolerance and least seed."""
    found: dict[str, Record] = {}
    for record in sorted(records, key=lambda r: (r.config.get("rtol") or 0.0, r.config["seed"])):
        found.setdefault(str(record.config["options"].get(option)), record)
    return found

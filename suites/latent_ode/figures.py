"""The suite's pictures: see ``odebench plot RUN --kind list``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from odebench.record import Record
from odebench.report.palette import COLOURS

from .spirals import SEEN

Outputs = Callable[[Record], dict[str, Any]]
DIRECTIONS = ((COLOURS[0], "clockwise"), (COLOURS[1], "counter-clockwise"))
PAPER = {30: (0.3937, 0.1642), 50: (0.3202, 0.1502), 100: (0.1813, 0.1346)}
"""Table 2 of Chen et al. 2018: RMSE of the RNN and of the latent ODE, by the number of points; not ours."""


def _points(record: Record) -> int:
    return int(record.config["options"].get("points", 30))


def _name(record: Record) -> str:
    return str(record.config["task"]).removeprefix("latent_ode/")


def _first_of_each(records: Sequence[Record], outputs: Outputs) -> list[Record]:
    """One trained record a task, backend and number of points: that of the smallest seed."""
    trained = [record for record in records if outputs(record)]
    ordered = sorted(trained, key=lambda r: (_points(r), _name(r), r.config["backend"], r.config["seed"]))
    return list({(_points(r), _name(r), r.config["backend"]): r for r in reversed(ordered)}.values())[::-1]


def reconstructions(records: Sequence[Record], outputs: Outputs) -> Figure:
    """A row a model and number of points, a column a test series."""
    rows = _first_of_each(records, outputs)
    figure = Figure(figsize=(10, 2.4 * len(rows) + 0.4), layout="constrained")
    axes = figure.subplots(len(rows), 4, squeeze=False)
    for row, record in zip(axes, rows, strict=True):
        found = outputs(record)
        for ax, clean, observed, decoded in zip(row, found["clean"], found["observed"], found["decoded"], strict=True):
            ax.plot(*clean.T, color="0.8", lw=3, label="true")
            ax.plot(*decoded[:SEEN].T, color=COLOURS[0], label="within the times seen")
            ax.plot(*decoded[SEEN - 1 :].T, color=COLOURS[1], label="beyond")
            ax.plot(*observed.T, ".", color=COLOURS[6], ms=3, label="observed")
            low, high = clean.min(0) - 2, clean.max(0) + 2
            ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), xticks=[], yticks=[])
        row[0].set_ylabel(f"{_name(record)}, {_points(record)} points\n{record.config['backend']}", fontsize=7)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
    return figure


def latent(records: Sequence[Record], outputs: Outputs) -> Figure:
    """Paths of all test series, on the two principal axes of their starts."""
    rows = _first_of_each(records, outputs)
    figure = Figure(figsize=(3.6 * len(rows), 3.6), layout="constrained")
    for ax, record in zip(figure.subplots(1, len(rows), squeeze=False)[0], rows, strict=True):
        found = outputs(record)
        paths, clockwise = found["latent"].astype(np.float64), found["clockwise"]
        starts = paths[:, 0] - paths[:, 0].mean(0)
        plane = (paths - paths[:, 0].mean(0)) @ np.linalg.svd(starts, full_matrices=False)[2][:2].T
        for (colour, name), chosen in zip(DIRECTIONS, (clockwise, ~clockwise), strict=True):
            ax.plot(*plane[chosen].transpose(2, 1, 0), color=colour, alpha=0.25, lw=0.8)
            ax.plot(*plane[chosen, 0].T, ".", color=colour, label=name)
        ax.set_title(f"{_points(record)} points, {record.config['backend']}", fontsize=8)
        ax.set(xlabel="first principal axis of z(t0)", ylabel="second")
        ax.legend(frameon=False)
    return figure


def sweep(records: Sequence[Record], outputs: Outputs) -> Figure:
    """A row a record, a column a number of z(t0): the path decoded from eleven values of it, from light to dark."""
    rows = _first_of_each(records, outputs)
    swept = [outputs(record)["sweep"] for record in rows]
    columns = max(len(s) for s in swept)
    figure = Figure(figsize=(2.6 * columns, 2.6 * len(rows)), layout="constrained")
    axes = figure.subplots(len(rows), columns, squeeze=False)
    for row, record, dimensions in zip(axes, rows, swept, strict=True):
        for d, (ax, paths) in enumerate(zip(row, dimensions, strict=False)):
            for i, path in enumerate(paths[:, :SEEN]):
                ax.plot(*path.T, color=COLOURS[0], alpha=0.15 + 0.85 * i / len(paths))
                ax.plot(*path[0], ".", color=COLOURS[1], ms=3)
            ax.set_title(f"z{d + 1}, {_points(record)} points, {record.config['backend']}", fontsize=7)
    return figure


def errors(records: Sequence[Record], outputs: Outputs) -> Figure:
    """Every seed's error and their mean, with the paper's figures as rings."""
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    groups: dict[str, dict[int, list[Record]]] = {}
    for record in [record for record in records if "test_rmse_interpolation" in record.metrics]:
        label = f"{_name(record)}, {record.config['backend']}"
        groups.setdefault(label, {}).setdefault(_points(record), []).append(record)
    for ax, where in zip(figure.subplots(1, 2), ("interpolation", "extrapolation"), strict=True):
        metric = f"test_rmse_{where}"
        for i, (label, by_points) in enumerate(sorted(groups.items())):
            colour, style = COLOURS[i % len(COLOURS)], "-" if i < len(COLOURS) else "--"
            means = [np.mean([r.metrics[metric] for r in by_points[n]]) for n in sorted(by_points)]
            ax.plot(sorted(by_points), means, style, color=colour, label=label)
            for n, found in by_points.items():
                ax.plot([n] * len(found), [r.metrics[metric] for r in found], ".", color=colour)
        ax.set(xlabel="points seen", ylabel=f"RMSE to the clean series, {where}", yscale="log")
    for column, name in enumerate(("RNN (paper, Table 2)", "latent ODE (paper, Table 2)")):
        values = [row[column] for row in PAPER.values()]
        figure.axes[1].plot(list(PAPER), values, "o", mfc="none", color=("0.6", "0")[column], label=name)
    handles, labels = figure.axes[1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False, fontsize=7)
    return figure

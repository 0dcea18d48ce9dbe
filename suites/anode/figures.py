"""Pictures of the flows, of what they say of the plane, and of training."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from odebench.record import Record
from odebench.report.palette import COLOURS

from .points import WEDGE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Outputs = Callable[[Record], dict[str, Any]]
_INNER, _OUTER = COLOURS[1], COLOURS[0]
_MOMENTS = (0, 3, 6, 10)
_CURVES = {
    "nfe_forward": "evaluations of f, forward",
    "loss": "training loss",
    "reconstruction_error": "reconstruction error",
}


def draw_lines(records: Sequence[Record], outputs: Outputs) -> Figure:
    """Where points of the line go with time; by equal steps, straight from where they begin to where they end."""
    chosen = _one_each(records)
    figure, axes = _row(len(chosen), 2.6)
    for ax, (title, record) in zip(axes, chosen.items(), strict=True):
        found = outputs(record)
        start = found["grid"][:, 0]
        ways = found["flow"][..., -1] if record.config["num_steps"] is None else np.stack([start, found["said"]])
        for way, x in zip(ways.T, start, strict=True):
            ax.plot(np.linspace(0, 1, len(way)), way, color=_INNER if x < 0 else _OUTER, linewidth=0.8)
        ax.set_title(title)
        ax.set_xlabel("t")
    axes[0].set_ylabel("state, first coordinate")
    return figure


def draw_flows(records: Sequence[Record], outputs: Outputs) -> Figure:
    """Features at four times, a row a model, in the plane in which those at the end vary most."""
    chosen = _one_each(record for record in records if record.config["options"].get("d", 2) == 2)
    figure = Figure(figsize=(7.6, 1.9 * len(chosen) + 0.2), layout="constrained")
    grid = figure.subplots(len(chosen), len(_MOMENTS), squeeze=False)
    for axes, (title, record) in zip(grid, chosen.items(), strict=True):
        found = outputs(record)
        states = found["flow"][..., :-1].astype(np.float64)
        plane = _plane(states[-1])
        colours = np.where(found["y"][:, 0] < 0, _INNER, _OUTER)
        for ax, moment in zip(axes, _MOMENTS, strict=True):
            x, y = (states[moment] @ plane).T
            ax.scatter(x, y, s=6, c=colours)
            ax.set_title(f"t = {moment / 10:g}", fontsize=8)
        axes[0].set_ylabel(title)
    return figure


def draw_curves(records: Sequence[Record], outputs: Outputs) -> Figure:
    """NFE, loss and reconstruction error against the training step, a line a seed; dashed at looser tolerances."""
    flat = [r for r in records if r.curve and r.config["options"].get("d", 2) == 2]
    backend = next(r.config["backend"] for r in flat)
    flat = [r for r in flat if r.config["backend"] == backend]
    tightest = min(r.config["rtol"] for r in flat)
    names = list(dict.fromkeys(map(_name, flat)))
    figure, axes = _row(len(_CURVES), 3.0)
    for ax, (metric, title) in zip(axes, _CURVES.items(), strict=True):
        for record in flat:
            name, tight = _name(record), record.config["rtol"] == tightest
            points = [(p["step"], p[metric]) for p in record.curve if metric in p]
            style: Any = {"color": COLOURS[names.index(name)], "linestyle": "-" if tight else "--", "linewidth": 1.0}
            steps, values = np.array(points).T
            ax.plot(steps, values, label=f"{name}, {record.config['rtol']:.0e}", **style)
        ax.set_title(title)
        ax.set_xlabel("training step")
        if metric != "nfe_forward":
            ax.set_yscale("log")
    labels = {label: h for h, label in zip(*axes[0].get_legend_handles_labels(), strict=True)}
    figure.legend(labels.values(), labels.keys(), loc="outside lower center", ncols=4, frameon=False, fontsize=8)
    return figure


def draw_boundaries(records: Sequence[Record], outputs: Outputs) -> Figure:
    """What is said of the plane by nets that have seen no point of the wedge, and points of the wedge."""
    chosen = _one_each(records)
    figure, axes = _row(len(chosen), 2.7)
    for ax, (title, record) in zip(axes, chosen.items(), strict=True):
        found = outputs(record)
        x, said = found["grid"].astype(np.float64), found["said"].clip(-1, 1)
        side = round(len(x) ** 0.5)
        x, said = x.T.reshape(2, side, side), said.reshape(side, side)
        ax.contourf(*x, said, levels=np.linspace(-1, 1, 11), cmap="RdBu")
        for angle in (0, WEDGE):
            ax.plot([0, 1.6 * np.cos(angle)], [0, 1.6 * np.sin(angle)], color="k", linewidth=0.8)
        held_out, colours = found["flow"][0], np.where(found["y"][:, 0] < 0, _INNER, _OUTER)
        ax.scatter(held_out[:, 0], held_out[:, 1], s=5, c=colours, edgecolors="w", linewidths=0.2)
        ax.set_title(f"{title}: {record.metrics['wedge_accuracy']:.0%} of the wedge", fontsize=8)
        ax.set_aspect("equal")
    return figure


def _one_each(records: Iterable[Record]) -> dict[str, Record]:
    """Of each model the first record."""
    found: dict[str, Record] = {}
    for record in sorted(records, key=_order):
        found.setdefault(_name(record), record)
    return found


def _order(record: Record) -> tuple[Any, ...]:
    """Flows by how much they are augmented, then equal steps, then no flow; the tightest tolerance first."""
    config = record.config
    kind = not config["solver"], config["num_steps"] or 0, config["options"].get("augment", 0)
    return *kind, config["rtol"] or 0.0, config["backend"] != "torch/dopri5/backprop", config["seed"]


def _name(record: Record) -> str:
    config = record.config
    if config["num_steps"] is not None:
        return f"{config['solver']}, n = {config['num_steps']}"
    if not config["solver"]:
        return "ResNet"
    return f"ANODE, p = {p}" if (p := config["options"].get("augment", 0)) else "NODE"


def _plane(states: Any) -> Any:
    """(width, 2): the directions of most variance; the first two axes where there are no others."""
    if states.shape[1] == 2:
        return np.eye(2)
    return np.linalg.svd(states - states.mean(axis=0), full_matrices=False)[2][:2].T


def _row(columns: int, width: float) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(width * columns, 2.9), layout="constrained")
    return figure, list(figure.subplots(1, columns, squeeze=False)[0])

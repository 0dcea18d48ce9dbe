"""Figures 4 and 5 of Chen et al. 2018, drawn from a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np

from odebench.record import Record
from odebench.report.palette import COLOURS

from .data import CIRCLES, MOONS
from .fit import STAGES
from .targets import WINDOW, energy, grid

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Outputs = Callable[[Record], dict[str, Any]]
_KINDS = {"": "CNF", "_planar": "planar NF"}
_MAP = "viridis"


def matched(records: Sequence[Record], outputs: Outputs) -> Figure:
    """A row for each target and kind of flow: the target, then the densities by the number of units or layers."""
    from matplotlib.figure import Figure

    found = _pictured(records, outputs)
    targets = sorted({target for _, target, _ in found})
    sizes = sorted({size for *_, size in found})
    rows = [(target, suffix) for target in targets for suffix in _KINDS]
    figure = Figure(figsize=(1.6 * (1 + len(sizes)) + 0.4, 1.6 * len(rows) + 0.2), layout="constrained")
    axes = figure.subplots(len(rows), 1 + len(sizes), squeeze=False)
    z = grid(WINDOW, 101)
    for (target, suffix), row in zip(rows, axes, strict=True):
        density = np.exp(-energy(target, z, np)).reshape(101, 101)
        _image(row[0], density, WINDOW)
        row[0].set_ylabel(f"{target.upper()}, {_KINDS[suffix]}")
        for ax, size in zip(row[1:], sizes, strict=True):
            arrays = found.get((f"cnf/match{suffix}", target, size))
            if arrays is not None:
                mesh = arrays["mesh"]
                ax.pcolormesh(
                    mesh[..., 0],
                    mesh[..., 1],
                    np.exp(arrays["log_density"]),
                    shading="gouraud",
                    cmap=_MAP,
                    rasterized=True,
                )
                ax.set_facecolor("#440154")  # the map's colour of 0
            _frame(ax, WINDOW)
    for ax, title in zip(axes[0], ["target", *(f"M = K = {size}" for size in sizes)], strict=True):
        ax.set_title(title)
    return figure


def kl(records: Sequence[Record], outputs: Outputs) -> Figure:
    """KL against size, a panel a target: a point a seed, a line through the means; a line for each backend and length
    of training, which are not to be averaged. An estimate below 0 lies beneath the axis."""
    from matplotlib.figure import Figure

    points: dict[str, dict[str, dict[int, list[float]]]] = {}
    for record in records:
        if "kl" not in record.metrics:
            continue
        options = record.config["options"]
        at = points.setdefault(options.get("target", "u1"), {}).setdefault(_series(record), {})
        at.setdefault(options.get("size", 8), []).append(record.metrics["kl"])
    figure = Figure(figsize=(3.4 * max(1, len(points)) + 0.3, 3.2), layout="constrained")
    axes = figure.subplots(1, max(1, len(points)), squeeze=False, sharey=True)[0]
    names = sorted({name for named in points.values() for name in named})
    colours = dict(zip(names, cycle(COLOURS), strict=False))
    for ax, (target, named) in zip(axes, sorted(points.items()), strict=False):
        for name, at in sorted(named.items()):
            colour, sizes = colours[name], sorted(at)
            ax.plot(sizes, [np.mean(at[size]) for size in sizes], color=colour, marker="o", markersize=4, label=name)
            for size in sizes:
                ax.plot([size] * len(at[size]), at[size], ".", color=colour, alpha=0.5, markersize=4)
        ax.set(title=target.upper(), xlabel="units M, layers K", xscale="log")
        ax.set_yscale("log", nonpositive="clip")
        ticks = sorted({size for at in named.values() for size in at})
        ax.set_xticks(ticks, [str(size) for size in ticks])
        ax.minorticks_off()
        ax.legend(frameon=False, fontsize=6)
    axes[0].set_ylabel("KL(q‖p), nats")
    return figure


def fitted(records: Sequence[Record], outputs: Outputs) -> Figure:
    """For each data set the densities along the flow, the samples there, and the planar flow's densities."""
    from matplotlib.figure import Figure

    found = {task: arrays for (task, _, _), arrays in _pictured(records, outputs).items()}
    rows = [(task, name) for task in sorted(found) for name in ("log_density", "samples") if name in found[task]]
    figure = Figure(figsize=(1.5 * len(STAGES) + 0.4, 1.5 * len(rows) + 0.2), layout="constrained")
    axes = figure.subplots(len(rows), len(STAGES), squeeze=False)
    for (task, name), row in zip(rows, axes, strict=True):
        source = MOONS if "moons" in task else CIRCLES
        for ax, part in zip(row, found[task][name].astype(np.float64), strict=True):
            if name == "samples":
                ax.plot(part[:, 0], part[:, 1], ".", markersize=1.5, color=COLOURS[0])
                _frame(ax, source.half)
            else:
                _image(ax, np.exp(part), source.half)
        kind = _KINDS["_planar" if task.endswith("_planar") else ""]
        row[0].set_ylabel(
            f"{'moons' if source is MOONS else 'circles'}, {kind},\n{name.removeprefix('log_')}", fontsize=8
        )
    for ax, stage in zip(axes[0], STAGES, strict=True):
        ax.set_title(f"{stage:.0%}")
    return figure


def _pictured(records: Sequence[Record], outputs: Outputs) -> dict[tuple[str, str, int], dict[str, Any]]:
    """The arrays by task, target and size; of several records that of the first backend by name."""
    found = {}
    for record in sorted(records, key=lambda record: record.config["backend"], reverse=True):
        if arrays := outputs(record):
            options = record.config["options"]
            found[record.config["task"], options.get("target", "u1"), options.get("size", 8)] = arrays
    return found


def _series(record: Record) -> str:
    config = record.config
    steps = f"{config['options']['steps']} iterations" if "steps" in config["options"] else "all iterations"
    return ", ".join(
        [_kind(record), config["backend"], steps]
        + ([f"{config['num_steps']} equal steps"] if config.get("num_steps") else [])
    )


def _kind(record: Record) -> str:
    return _KINDS["_planar" if record.config["task"].endswith("_planar") else ""]


def _image(ax: Axes, density: Any, half: float) -> None:
    """density (N, N), its first axis running along x."""
    ax.imshow(density.T, origin="lower", extent=(-half, half, -half, half), cmap=_MAP)
    _frame(ax, half)


def _frame(ax: Axes, half: float) -> None:
    ax.set(xlim=(-half, half), ylim=(-half, half), xticks=[], yticks=[], aspect="equal")
    ax.spines[:].set_visible(False)

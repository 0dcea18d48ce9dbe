"""The suite's pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from odebench.record import Record
from odebench.report.figures import MARKERS
from odebench.report.palette import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Outputs = Callable[[Record], dict[str, Any]]
_NETS = ("tied_resnet", "polynet", "fixed_point", "fractalnet", "densenet", "revnet")


def order(records: Sequence[Record], outputs: Outputs) -> Figure:
    """Error of every net against its blocks; mismatch of a PolyNet's block with backward Euler against the step. In
    float64 and of one framework, since another's lines would lie on them."""
    figure, (left, right) = _panels(2, width=6.0)
    first = records[0].config["framework"]
    chosen = [r for r in records if r.config["framework"] == first and r.config["dtype"] == "float64"]
    nets = [r for r in chosen if r.config["task"].endswith(_NETS)]
    mapped = [r for r in chosen if "end" in r.config["options"] and r.config["task"].endswith("/ode")]
    _lines(left, nets, "blocks", "ode_error", ("field",))
    _lines(right, mapped, "end", "difference", ("network", "field"))
    left.set(xlabel="blocks", ylabel="relative distance from the ODE", xscale="log", yscale="log")
    right.set(xlabel="step h", ylabel="relative distance from backward Euler", xscale="log", yscale="log")
    return figure


def depth(records: Sequence[Record], outputs: Outputs) -> Figure:
    """‖dL/dx‖ after every layer, counted from the last, of one seed; a line a net, a colour a gain."""
    figure, axes = _panels(2, sharey=True)
    first = {key: records[0].config[key] for key in ("framework", "seed")}
    chosen = [r for r in records if all(r.config[key] == value for key, value in first.items())]
    for axis, form in zip(axes, ("vanilla", "residual"), strict=True):
        gains: dict[float, list[Record]] = {}
        for record in _sorted(chosen, form):
            gains.setdefault(record.config["options"].get("gain", 1), []).append(record)
        for colour, (gain, nets) in zip(COLOURS, sorted(gains.items()), strict=False):
            for i, record in enumerate(nets):
                norms = outputs(record)["norms"][1, ::-1]
                label = "_" * (i > 0) + f"gain {gain:.3g}"  # one a colour: matplotlib leaves out those with a _
                axis.plot(np.arange(len(norms)), norms / norms[0], color=colour, label=label)
        axis.set(title=form, xlabel="layers from the last", yscale="log")
        axis.legend(frameon=False)
    axes[0].set(ylabel="gradient in x over that at the end")
    return figure


def memory(records: Sequence[Record], outputs: Outputs) -> Figure:
    """What is kept for the backward pass (torch), or temporary (jax), against blocks."""
    figure, (axis,) = _panels(1, width=6.0)
    for metric in ("kept_bytes", "temp_bytes"):
        _lines(axis, [r for r in records if metric in r.metrics], "blocks", metric, ())
    axis.set(xlabel="blocks", ylabel="bytes beside the inputs", ylim=(0, None))
    return figure


def _panels(count: int, width: float = 4.5, *, sharey: bool = False) -> tuple[Figure, list[Axes]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width * count, 3.6), layout="constrained")
    return figure, list(figure.subplots(1, count, sharey=sharey, squeeze=False)[0])


def _sorted(records: Iterable[Record], form: str) -> list[Record]:
    found = [r for r in records if r.config["options"]["form"] == form]
    return sorted(found, key=lambda r: int(r.config["options"]["depth"]))


def _lines(axis: Axes, records: Sequence[Record], x: str, y: str, named: Sequence[str]) -> None:
    """A line through the geometric means over seeds, for every task and value of the named options; without such
    options, for every framework, too."""
    groups: dict[str, dict[float, list[float]]] = {}
    for record in records:
        options = record.config["options"]
        own = [str(options[key]) for key in named if key in options]
        words = own if "network" in options else [record.config["task"].partition("/")[2], *own]
        name = " ".join(words if named else [record.config["framework"], *words])
        groups.setdefault(name, {}).setdefault(float(options[x]), []).append(record.metrics[y])
    for i, (name, found) in enumerate(sorted(groups.items())):
        points = [(at, float(np.exp(np.mean(np.log(values))))) for at, values in sorted(found.items())]
        style = {"color": COLOURS[i % len(COLOURS)], "marker": MARKERS[i % len(MARKERS)], "markersize": 4.0}
        axis.plot(*zip(*points, strict=True), label=name, **style)  # type: ignore[arg-type]
    axis.legend(frameon=False, fontsize=7, loc="upper left", bbox_to_anchor=(1.0, 1.0))

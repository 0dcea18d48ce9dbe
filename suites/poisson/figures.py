"""The suite's picture: see ``odebench plot RUN --kind poisson/rates``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from matplotlib.figure import Figure

from odebench.record import Record
from odebench.report.palette import COLOURS

from . import process


def rates(records: Sequence[Record], outputs: Callable[[Record], dict[str, Any]]) -> Figure:
    """A panel a backend: the rates of all seeds, and below them the events of the first one's test sequences."""
    trained = [record for record in records if "train_loss" in record.metrics] or list(records)
    backends = sorted({record.config["backend"] for record in trained})
    figure = Figure(figsize=(4.2 * len(backends), 4), layout="constrained")
    axes = figure.subplots(2, len(backends), squeeze=False, sharex=True, height_ratios=(3, 1))
    for (top, bottom), backend in zip(axes.T, backends, strict=True):
        own = [outputs(record) for record in trained if record.config["backend"] == backend]
        ts = own[0]["ts"]
        top.plot(ts, process.rate(ts), color=COLOURS[6], lw=2, label="true")
        top.axhline(process.MEAN, color="0.7", ls=":", label="constant")
        for i, found in enumerate(own):
            top.plot(
                found["ts"], found["rate"], color=COLOURS[0], alpha=0.7, label=None if i else "learnt, a line a seed"
            )
        bottom.plot(own[0]["events"], own[0]["sequence"], "|", color=COLOURS[1])
        top.set_title(backend, fontsize=8)
        top.set(ylabel="rate", ylim=(0, None))
        bottom.set(xlabel="t", ylabel="events", yticks=[])
        top.legend(frameon=False)
    return figure

"""Timing: rivals take turns, so that a machine's drift meets all of them alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from odebench.cell import Cell
from odebench.stats import relative_half_width, summary

if TYPE_CHECKING:
    from odebench.suite import Preset

KINDS = ("forward", "forward_backward")
Samples = dict[str, list[float]]


def interleave(
    cells: Sequence[Cell], preset: Preset, sample: Callable[[Cell, str], float | None]
) -> dict[Cell, Samples]:
    """Rounds of one sample of each kind from each cell, until each has enough.

    :param sample: seconds of one call, or None when the cell failed and takes no further part.
    :returns: every sample of every cell, also of those that failed.
    """
    samples: dict[Cell, Samples] = {cell: {kind: [] for kind in KINDS} for cell in cells}
    going = list(cells)
    while going:
        for cell in list(going):
            for kind in KINDS:
                seconds = sample(cell, kind)
                if seconds is None:
                    going.remove(cell)
                    break
                samples[cell][kind].append(seconds)
            else:
                if _enough(samples[cell], preset):
                    going.remove(cell)
    return samples


def _enough(samples: Samples, preset: Preset) -> bool:
    count = len(samples[KINDS[0]])
    if count < preset.min_samples:
        return False
    spent = sum(map(sum, samples.values()))
    narrow = all(relative_half_width(s) <= preset.precision for s in samples.values())
    return narrow or spent >= preset.time_budget or count >= preset.max_samples


def metrics(samples: Samples, first_call: float) -> dict[str, float]:
    """Medians and intervals of each kind, and ``compile_s``: what the first gradient took beyond a usual one."""
    found: dict[str, float] = {}
    for kind, values in samples.items():
        if values:
            found |= summary(kind, values)
    if "forward_backward_s" in found:
        found["compile_s"] = max(0.0, first_call - found["forward_backward_s"])
    return found

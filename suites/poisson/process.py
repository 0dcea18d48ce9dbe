"""An inhomogeneous Poisson process with a known rate, and the likelihood of its events."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from odebench.tasks.nets import Floats

END = 10.0
MEAN, SWING, PERIOD = 3.0, 0.8, 10.0
TICKS = 2**12
"""Times are recorded to END / TICKS: distinct ones stay distinct in float32, and equal ones can be counted."""


class Events(NamedTuple):
    """Events of several sequences, all on (0, END).

    :param ticks: (N,), ascending within a sequence, between 1 and TICKS - 1.
    :param sequence: (N,), the index of the sequence that an event is of.
    :param sequences: how many.
    """

    ticks: NDArray[np.int64]
    sequence: NDArray[np.int64]
    sequences: int

    @property
    def times(self) -> Floats:
        return self.ticks.astype(np.float64) * (END / TICKS)


def rate(t: Floats) -> Floats:
    """λ(t) = 3 (1 + 0.8 sin(2πt / 10))."""
    return np.asarray(MEAN * (1 + SWING * np.sin(2 * np.pi * t / PERIOD)), np.float64)


def compensator(t: float) -> float:
    """∫₀ᵗ λ, by hand."""
    return MEAN * (t + SWING * PERIOD / (2 * np.pi) * (1 - float(np.cos(2 * np.pi * t / PERIOD))))


def draw(rng: np.random.Generator, count: int) -> Events:
    """Events by thinning (Lewis and Shedler 1979): of a constant rate above λ, each kept with probability λ / it."""
    bound = MEAN * (1 + SWING)
    ticks, sequence = [], []
    for i in range(count):
        times = np.sort(rng.uniform(0, END, rng.poisson(bound * END)))
        kept = times[rng.random(len(times)) < rate(times) / bound]
        ticks.append(np.clip(np.rint(kept * (TICKS / END)), 1, TICKS - 1).astype(np.int64))
        sequence.append(np.full(len(kept), i))
    return Events(np.concatenate(ticks), np.concatenate(sequence), count)


def log_likelihood(events: Events, rates: Floats, integral: float) -> float:
    """Σ log λ(tᵢ) - ∫λ of all sequences, for the rates (N,) at the events and the integral over one sequence."""
    return float(np.log(rates).sum() - events.sequences * integral)

"""Whose cost grows faster: our fits beside the best peer's, and the size from which a GPU is worth its while."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from importlib.util import find_spec
from typing import Any, NamedTuple

from odebench.report.fits import Growth

EQUAL = 0.05
"""Exponents that are no further apart are alike, however small their errors."""


class Contest(NamedTuple):
    """A fit of ours and that of the peer whose cost grows least.

    :param ratio: our cost over the peer's where both were asked for most.
    """

    ours: Growth
    peer: Growth
    ratio: float

    @property
    def verdict(self) -> str:
        """``steeper``, ``alike`` or ``flatter``: alike where the difference is within its 95 % interval or EQUAL.

        ``open`` where one was not measured as far as the other, as cells failed; or where the peer's cost has no
        exponent to speak of, but is so large, or scatters so far, that what ours grows by could not be seen in it.
        """
        if self.ours.span != self.peer.span:
            return "open"
        if self.peer.law.constant == 0 and abs(steepness(self.peer)) <= EQUAL:
            least, varies = _range(self.peer)
            if _range(self.ours)[1] <= max(varies, EQUAL * least):
                return "alike" if abs(steepness(self.ours)) <= EQUAL else "open"
        more = steepness(self.ours) - steepness(self.peer)
        margin = math.hypot(self.ours.law.margin, self.peer.law.margin)
        if abs(more) <= max(margin, EQUAL):
            return "alike"
        return "steeper" if more > 0 else "flatter"


class Crossover(NamedTuple):
    """Where along x a device begins to beat the CPU.

    :param at: by interpolation of the logarithms between the points measured; infinite where it never does, 0 where it
        always does.
    :param low: the largest x at which the CPU is at least as fast, 0 where there is none; from the next one,
    :param high: on, it is not; infinite where there is none.
    """

    growth: Growth
    device: str
    at: float
    low: float
    high: float

    @property
    def words(self) -> str:
        if self.low == 0:
            return f"below {self.high:g}"
        return f"{self.at:.3g}" if math.isfinite(self.high) else f"above {self.low:g}"


def steepness(growth: Growth) -> float:
    """The exponent towards more work, which a smaller tolerance is."""
    return -growth.law.exponent if growth.x in ("rtol", "atol") else growth.law.exponent


def contests(growth: Sequence[Growth], rivals: Sequence[Mapping[str, Any]]) -> list[Contest]:
    """Each fit of a backend that a suite calls ours (:class:`odebench.suite.Rivals`), where a peer has one of the same
    problem. None where scipy, by which they are told apart, is not installed."""
    found: list[Contest] = []
    for wanted in rivals if find_spec("scipy") else ():
        for ours in (one for one in growth if _any(one, wanted["ours"])):
            peers = [one for one in growth if _any(one, wanted["peers"]) and one.problem() == ours.problem()]
            if peers:
                best = min(peers, key=steepness)
                found.append(Contest(ours, best, _ratio(ours, best)))
    order = {(one.x, one.y): i for i, one in reversed([*enumerate(growth)])}
    return sorted(found, key=lambda one: order[one.ours.x, one.ours.y])


def crossovers(growth: Sequence[Growth]) -> list[Crossover]:
    """Of each backend that was timed on the CPU and on another device along an option of a task."""
    times = [one for one in growth if one.y.endswith("_s") and one.x.startswith("option_")]
    found = []
    for cpu in (one for one in times if _device(one) == "cpu"):
        for other in times:
            same = other.backend == cpu.backend and other.problem("device") == cpu.problem("device")
            if same and _device(other) != "cpu":
                found += _crossover(cpu, other)
    return found


def _crossover(cpu: Growth, other: Growth) -> list[Crossover]:
    ours, theirs = _logarithms(cpu), _logarithms(other)
    gains = [(x, ours[x] - theirs[x]) for x in sorted(ours.keys() & theirs.keys())]
    if not gains:
        return []
    device = _device(other)
    last = max((i for i, (_, gain) in enumerate(gains) if gain <= 0), default=-1)
    if last == -1:
        return [Crossover(cpu, device, 0.0, 0.0, gains[0][0])]
    low, behind = gains[last]
    if last == len(gains) - 1:
        return [Crossover(cpu, device, math.inf, low, math.inf)]
    high, ahead = gains[last + 1]
    at = low * (high / low) ** (behind / (behind - ahead))
    return [Crossover(cpu, device, at, low, high)]


def _logarithms(one: Growth) -> dict[float, float]:
    """Of y by x, on average where there are several cells at one x."""
    found: dict[float, list[float]] = {}
    for x, y, _ in one.cells:
        found.setdefault(x, []).append(math.log(y))
    return {x: math.fsum(some) / len(some) for x, some in found.items()}


def _range(one: Growth) -> tuple[float, float]:
    """The least y, and how far the largest is above it."""
    ys = [y for _, y, _ in one.cells]
    return min(ys), max(ys) - min(ys)


def _ratio(ours: Growth, peer: Growth) -> float:
    mine, theirs = _logarithms(ours), _logarithms(peer)
    most = min if ours.x in ("rtol", "atol") else max
    shared = mine.keys() & theirs.keys()
    return math.exp(mine[most(shared)] - theirs[most(shared)]) if shared else math.nan


def _any(one: Growth, globs: Sequence[str]) -> bool:
    return any(fnmatchcase(one.backend, glob) for glob in globs)


def _device(one: Growth) -> str:
    return str(one.cells[0][2].config.get("device", "cpu"))

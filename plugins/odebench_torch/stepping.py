"""The Runge–Kutta step and the loop around it, on flat vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from odebench_torch.dynamics import Field
from odebench_torch.layout import Layout
from odebench_torch.norms import Tolerance
from odebench_torch.pace import Pace, Tie
from odebench_torch.scheme import Scheme


class Step(NamedTuple):
    """An accepted step, as far as its derivative needs it.

    :param h: its size, signed.
    :param thetas: where in the step its interior outputs lie, in (0, 1).
    :param output: the index of the first output after the step's beginning.
    :param landed: the output that the end of the step is, if any.
    :param tie: how the end of the step moves with the output times.
    """

    h: float
    thetas: Sequence[float]
    output: int
    landed: int | None
    tie: Tie


class Evaluator:
    """Calls f on flat vectors and counts the calls, ``nfe`` of them already made. A subclass may keep what it sees."""

    def __init__(self, field: Field, layout: Layout, nfe: int = 0) -> None:
        self.call, self.layout, self.nfe = field.call, layout, nfe

    def __call__(self, t: Tensor, y: Tensor, row: Tensor) -> None:
        """Write f(t, y) into ``row``."""
        self.nfe += 1
        self.layout.write(self.layout.evaluate(self.call, t, y), row)

    def drop(self, keep: int) -> None:
        """Forget all but the first ``keep`` evaluations."""

    def accept(self, step: Step) -> None:
        """The evaluations since the last accepted step were this one's."""


class Direct(Evaluator):
    """Of dynamics that deal with flat vectors themselves, by a method ``write_flat(t, y, row)``."""

    def __call__(self, t: Tensor, y: Tensor, row: Tensor) -> None:
        self.nfe += 1
        self.call.write_flat(t, y, row)  # type: ignore[attr-defined]


def evaluator(field: Field, layout: Layout) -> Evaluator:
    """One that keeps nothing: a :class:`Direct` one where the dynamics have the method for it."""
    return (Direct if hasattr(field.call, "write_flat") else Evaluator)(field, layout)


class Stepper:
    """Takes steps from ``y`` at ``t``, whose stages are the rows of one buffer.

    :param k0: f(t, y), where it is known.
    """

    def __init__(self, scheme: Scheme, f: Evaluator, t: Tensor, y: Tensor, k0: Tensor | None = None) -> None:
        self.scheme = scheme
        self.stages = torch.empty((scheme.stages, y.numel()), dtype=y.dtype, device=y.device)
        self.columns = self.stages.T
        self._rows = self.stages.unbind()
        before = [self.columns.narrow(1, 0, i) for i in range(1, scheme.stages)]
        self._later = list(zip(before, scheme.a[1:], self._rows[1:], strict=True))
        self.begin(f, t, y)
        if k0 is not None:
            self._rows[0].copy_(k0)
            self._fresh = True

    def begin(self, f: Evaluator, t: Tensor, y: Tensor) -> None:
        """Go on from another state, in the same buffer."""
        self.f, self.t, self.t1, self.y = f, t, t, y
        self._fresh, self._kept = False, 0
        self._magnitude: Tensor | None = None
        self._magnitude1: Tensor | None = None

    def attempt(self, t1: float, h: float) -> Tensor:
        """y at t1, by a step of size h."""
        scheme, f, y = self.scheme, self.f, self.y
        *times, self.t1 = scheme.times(t1, h)
        if not self._fresh:
            f(self.t, y, self._rows[0])
            self._fresh = True
        stage = y
        for time, (before, a, row) in zip(times[1:], self._later, strict=True):
            stage = torch.addmv(y, before, a, alpha=h)
            f(time, stage, row)
        return stage if scheme.fsal else torch.addmv(y, self.columns, scheme.b, alpha=h)

    def error(self, h: float) -> Tensor:
        assert self.scheme.b_error is not None
        return torch.addmv(self.y, self.columns, self.scheme.b_error, beta=0, alpha=h)

    def ratio(self, h: float, y1: Tensor, tolerance: Tolerance) -> float:
        """The error of the step just made to y1, in units of what is tolerated."""
        if self._magnitude is None:
            self._magnitude = self.y.abs()
        self._magnitude1 = y1.abs()
        return tolerance(self.error(h), tolerance.scale(torch.maximum(self._magnitude, self._magnitude1)))

    def interpolate(self, h: float, thetas: Sequence[float], out: Tensor) -> None:
        """The dense output of the step just made, before it is accepted."""
        torch.addmm(self.y, self.scheme.dense_weights(thetas), self.stages, alpha=h, out=out)

    def reject(self) -> None:
        self.f.drop(self._kept + 1)

    def accept(self, y: Tensor) -> None:
        self.t, self.y, self._magnitude = self.t1, y, self._magnitude1
        self._kept += self.scheme.stride
        if self.scheme.fsal:
            self._rows[0].copy_(self._rows[-1])
        else:
            self._fresh = False


class Steps(Protocol):
    """What the loop needs of a :class:`Stepper`."""

    f: Evaluator
    y: Tensor
    stages: Tensor

    def attempt(self, t1: float, h: float) -> Tensor: ...

    def ratio(self, h: float, y1: Tensor, tolerance: Tolerance) -> float: ...

    def interpolate(self, h: float, thetas: Sequence[float], out: Tensor) -> None: ...

    def reject(self) -> None: ...

    def accept(self, y: Tensor) -> None: ...


class Counts(NamedTuple):
    accepted: int
    rejected: int


def march(stepper: Steps, pace: Pace, ts: Sequence[float], ys: Tensor, tolerance: Tolerance | None) -> Counts:
    """Step from ts[0] to ts[-1] and write y at ts[1:] into ``ys``.

    :param tolerance: None where the pace takes every step.
    :raises SolveError: from the pace.
    """
    sign = 1.0 if ts[-1] > ts[0] else -1.0
    j, accepted, rejected, error = 1, 0, 0, 0.0
    while (t1 := pace.propose()) is not None:
        t0 = pace.t
        h = t1 - t0
        y1 = stepper.attempt(t1, h)
        if tolerance is not None:
            error = stepper.ratio(h, y1, tolerance)
        if not pace.judge(error):
            stepper.reject()
            rejected += 1
            continue
        accepted += 1
        first = j
        while sign * (ts[j] - t1) < 0:
            j += 1
        thetas = [(t - t0) / h for t in ts[first:j]]
        if thetas:
            stepper.interpolate(h, thetas, ys[first:j])
        landed = j if ts[j] == t1 else None
        if landed is not None:
            ys[j].copy_(y1)
            j += 1
        stepper.f.accept(Step(h, thetas, first, landed, pace.tie(landed)))
        stepper.accept(y1)
    return Counts(accepted, rejected)

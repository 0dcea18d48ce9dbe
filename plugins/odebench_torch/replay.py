"""States in place of activations: the steps are taken again, one at a time, in the backward pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from odebench_torch.checkpoints import Checkpoints, Rewind, Thinned, limit_of
from odebench_torch.dynamics import Field, leaves_of_graph
from odebench_torch.layout import Layout
from odebench_torch.scheme import Scheme
from odebench_torch.stepping import Evaluator, Step, Stepper
from odebench_torch.tape import Evaluation, Reader, Recorder


class StateTape(Evaluator):
    """A :class:`odebench_torch.tape.Tape` of states: evaluates f and keeps no graph, but finds what it has captured.

    :param timed: whether t is to be differentiated, too.
    """

    def __init__(self, field: Field, layout: Layout, scheme: Scheme, checkpoints: Checkpoints, *, timed: bool) -> None:
        super().__init__(field, layout)
        self.field, self.scheme, self.timed = field, scheme, timed
        self.limit = limit_of(checkpoints)
        self.kept = Thinned(self.limit)
        self.times: list[float] = []
        self.steps: list[Step] = []
        self._captured: dict[int, Tensor] = {}
        self._looks = True

    def __call__(self, t: Tensor, y: Tensor, row: Tensor) -> None:
        if not self._looks:
            super().__call__(t, y, row)
            return
        self.nfe += 1
        with torch.enable_grad():
            k = self.layout.evaluate(self.call, t, y)
        self.layout.write(k, row)
        known = {id(leaf) for leaf in self.field.aliases}
        self._captured.update((id(leaf), leaf) for leaf in leaves_of_graph(k) if id(leaf) not in known)
        self._looks = bool(self._captured) or not self.field.named

    def accept(self, step: Step) -> None:
        self.steps.append(step)

    def stepper(self, t0: float, t: Tensor, y: Tensor, k0: Tensor) -> Stepper:
        """One that hands the state at the beginning of every accepted step to this tape."""
        self.times.append(t0)
        return _Keeping(self.scheme, self, t, y, k0)

    def captured(self) -> list[Tensor]:
        return list(self._captured.values())

    def tensors(self) -> list[Tensor]:
        return list(self.kept.states.values())

    def reader(self) -> Callable[[Sequence[Tensor]], Reader]:
        problem = self.field, self.layout, self.scheme, self.times, [step.h for step in self.steps]
        numbers, limit, timed = list(self.kept.states), self.limit, self.timed

        def read(saved: Sequence[Tensor]) -> Reader:
            again = _Again(*problem)
            return _Replay(again, Rewind(again.advance, dict(zip(numbers, saved, strict=True)), limit), timed=timed)

        return read


class _Keeping(Stepper):
    f: StateTape

    def attempt(self, t1: float, h: float) -> Tensor:
        self._end = t1
        return super().attempt(t1, h)

    def accept(self, y: Tensor) -> None:
        self.f.times.append(self._end)
        self.f.kept.add(self.y)
        super().accept(y)


class _Again:
    """The steps of a solve, as they were.

    :param times: their beginnings, and the end of the last.
    :param sizes: their sizes.
    """

    def __init__(
        self, field: Field, layout: Layout, scheme: Scheme, times: Sequence[float], sizes: Sequence[float]
    ) -> None:
        self.field, self.layout, self.scheme, self.times, self.sizes = field, layout, scheme, times, sizes
        self._stepper: Stepper | None = None

    def stepper(self, f: Evaluator, y: Tensor, n: int) -> Stepper:
        """The one that there is, at the beginning of step n."""
        t = y.new_tensor(self.times[n])
        if self._stepper is None:
            self._stepper = Stepper(self.scheme, f, t, y)
        else:
            self._stepper.begin(f, t, y)
        return self._stepper

    def advance(self, y: Tensor, begin: int, end: int) -> Tensor:
        stepper = self.stepper(Evaluator(self.field, self.layout), y, begin)
        for n in range(begin, end):
            stepper.accept(stepper.attempt(self.times[n + 1], self.sizes[n]))
        return stepper.y


class _Replay:
    """The reader of a :class:`StateTape`: the graph of one step at a time, and of the first evaluation after it."""

    def __init__(self, again: _Again, rewind: Rewind, *, timed: bool) -> None:
        self.again, self.rewind, self.timed = again, rewind, timed
        self._evaluations: dict[int, Evaluation] = {}

    def begin(self, n: int) -> None:
        again, scheme = self.again, self.again.scheme
        first = n * scheme.stride
        following = self._evaluations.get(first + scheme.stride) if scheme.fsal else None
        self._evaluations = {}  # freed before the next are made
        recorder = _StepRecorder(again, following, timed=self.timed)
        again.stepper(recorder, self.rewind(n), n).attempt(again.times[n + 1], again.sizes[n])
        self._evaluations = dict(enumerate(recorder.evaluations, first))

    def __getitem__(self, index: int) -> Evaluation:
        return self._evaluations[index]


class _StepRecorder(Recorder):
    """Records one step; where its last evaluation is the first of the step after, that one is taken."""

    def __init__(self, again: _Again, following: Evaluation | None, *, timed: bool) -> None:
        super().__init__(again.field, again.layout, timed=timed)
        self.following, self.stride = following, again.scheme.stride

    def __call__(self, t: Tensor, y: Tensor, row: Tensor) -> None:
        if self.following is None or len(self.evaluations) < self.stride:
            super().__call__(t, y, row)
        else:
            self.evaluations.append(self.following)  # nothing in the step asks for its value

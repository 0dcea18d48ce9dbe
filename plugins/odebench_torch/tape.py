"""What a solve leaves behind for its derivative: the local graph of every evaluation that counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor
from torch.autograd.graph import Node

from odebench_torch.dynamics import Field, leaves_behind
from odebench_torch.layout import Layout
from odebench_torch.stepping import Evaluator, Step


class Evaluation(NamedTuple):
    """One call of f: leaves of a graph, and its end. Its values are not kept but where f's own derivative needs them.

    :param end: the node whose output is dy/dt, flat; None where that is a constant.
    :param t: the leaf, where t is to be differentiated.
    :param k: what dy/dt is, flat, there.
    """

    y: Sequence[Tensor]
    end: Node | None
    t: Tensor | None = None
    k: Tensor | None = None


class Reader(Protocol):
    """A tape read backwards."""

    def begin(self, n: int) -> None:
        """The evaluations of the n-th step are wanted next; steps are asked for from the last to the first."""

    def __getitem__(self, index: int) -> Evaluation:
        """An evaluation of the step that was begun, by its number in the whole solve."""


class Tape(Protocol):
    """What the derivative of a solve is made from."""

    steps: list[Step]

    def captured(self) -> list[Tensor]:
        """The leaves, other than the parameters, that the evaluations depend on and that require grad.

        All evaluations are searched, unless f names its parameters and the first depends on nothing else: dynamics
        that take ``params``, or a module, and capture a tensor only later get no gradient for it.
        """

    def tensors(self) -> list[Tensor]:
        """What autograd is to save."""

    def reader(self) -> Callable[[Sequence[Tensor]], Reader]:
        """How to read the tape, given what autograd has saved; it holds none of that itself."""


class Lookout(Evaluator):
    """Keeps nothing, but notices when f, of a state that does not require grad, does.

    :ivar found: whether f has captured a tensor that requires grad.
    """

    found = False

    def __call__(self, t: Tensor, y: Tensor, row: Tensor) -> None:
        self.nfe += 1
        with torch.enable_grad():
            k = self.layout.evaluate(self.call, t, y)
        self.found = self.found or any(leaf.requires_grad for leaf in k)
        self.layout.write(k, row)


class Recorder(Evaluator):
    """Evaluates f on detached leaves and keeps the graphs; those of rejected steps are dropped at once.

    :param timed: whether t is to be differentiated, too.
    """

    def __init__(self, field: Field, layout: Layout, *, timed: bool) -> None:
        super().__init__(field, layout)
        self.aliases, self.named, self.timed = field.aliases, field.named, timed
        self.evaluations: list[Evaluation] = []
        self.steps: list[Step] = []

    def __call__(self, t: Tensor, y: Tensor, row: Tensor) -> None:
        self.nfe += 1
        layout = self.layout
        leaves = [leaf.requires_grad_() for leaf in layout.views(y)]
        if self.timed:
            t = t.detach().requires_grad_()
        with torch.enable_grad():
            k = layout.join(layout.derivative(self.call(t, layout.tree(leaves))))
        row.copy_(k)
        timed = (t, row.clone()) if self.timed else ()
        self.evaluations.append(Evaluation(leaves, k.grad_fn, *timed))

    def drop(self, keep: int) -> None:
        del self.evaluations[keep:]

    def accept(self, step: Step) -> None:
        self.steps.append(step)

    def captured(self) -> list[Tensor]:
        """See :meth:`Tape.captured`."""
        first = self._captured(self.evaluations[:1])
        return self._captured(self.evaluations) if first or not self.named else first

    def _captured(self, evaluations: Sequence[Evaluation]) -> list[Tensor]:
        known = {id(leaf) for leaf in self.aliases}
        known.update(id(leaf) for e in evaluations for leaf in (e.t, *e.y))
        return [leaf for leaf in leaves_behind(e.end for e in evaluations) if id(leaf) not in known]

    def tensors(self) -> list[Tensor]:
        """None: what the graphs need they have saved."""
        return []

    def reader(self) -> Callable[[Sequence[Tensor]], Reader]:
        kept = _Kept(self.evaluations)
        return lambda saved: kept


class _Kept:
    """The reader of a :class:`Recorder`'s tape."""

    def __init__(self, evaluations: Sequence[Evaluation]) -> None:
        self.evaluations = evaluations

    def begin(self, n: int) -> None:
        """All are there."""

    def __getitem__(self, index: int) -> Evaluation:
        return self.evaluations[index]

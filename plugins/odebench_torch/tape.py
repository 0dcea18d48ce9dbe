"""What a solve leaves behind for its derivative: the local graph of every evaluation that counts."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from odebench_torch.dynamics import Field, leaves_of_graph
from odebench_torch.layout import Layout
from odebench_torch.stepping import Evaluator, Step


class Evaluation(NamedTuple):
    """One call of f: leaves of a graph, and what f made of them."""

    t: Tensor
    y: list[Tensor]
    k: list[Tensor]


class Recorder(Evaluator):
    """Evaluates f on detached leaves and keeps the graphs; those of rejected steps are dropped at once.

    :param timed: whether t is to be differentiated, too.
    """

    def __init__(self, field: Field, layout: Layout, *, timed: bool) -> None:
        super().__init__(field, layout)
        self.aliases, self.timed = field.aliases, timed
        self.evaluations: list[Evaluation] = []
        self.steps: list[Step] = []

    def __call__(self, t: Tensor, y: Tensor, row: Tensor) -> None:
        self.nfe += 1
        layout = self.layout
        leaves = [leaf.requires_grad_() for leaf in layout.views(y)]
        if self.timed:
            t = t.detach().requires_grad_()
        with torch.enable_grad():
            k = layout.derivative(self.call(t, layout.tree(leaves)))
        layout.write(k, row)
        self.evaluations.append(Evaluation(t, leaves, k))

    def drop(self, keep: int) -> None:
        del self.evaluations[keep:]

    def accept(self, step: Step) -> None:
        self.steps.append(step)

    def captured(self) -> list[Tensor]:
        """The leaves, other than the parameters, that the first evaluation depends on and that require grad."""
        t, y, k = self.evaluations[0]
        known = {id(leaf) for leaf in (t, *y, *self.aliases)}
        return [leaf for leaf in leaves_of_graph(k) if id(leaf) not in known]

    def tensors(self) -> list[Tensor]:
        """Every evaluation's t, leaves of y and leaves of k, one after the other."""
        return [tensor for e in self.evaluations for tensor in (e.t, *e.y, *e.k)]

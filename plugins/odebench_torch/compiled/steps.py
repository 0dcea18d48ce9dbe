"""A step and its reverse as pure functions of tensors, for ``torch.compile`` to make one loop nest of."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from odebench.contract import PyTree
from odebench.tableau import ExplicitRungeKutta
from odebench_torch.layout import Layout

from .function import Function
from .trees import Tree

Pair = tuple[Tensor | None, ...]


class Steps:
    """The steps of one tableau, of one function, on one layout.

    ``control`` is ``(t1, h)``, the end and the size of a step, and ``(t1, h, rtol, atol)`` of a forward step, float64:
    a tensor, so that no number is a constant of what is compiled.
    """

    def __init__(
        self,
        tableau: ExplicitRungeKutta,
        layout: Layout,
        function: Function,
        norm: Callable[[PyTree], Any] | None,
        *,
        adaptive: bool,
    ) -> None:
        self.tableau = tableau
        self.call, self.trained = function.call, function.trained
        self.tree, self.shapes, self.sizes = Tree(layout.structure), layout.shapes, layout.sizes
        self.dtype, self.norm, self.adaptive = layout.dtype, norm, adaptive
        self.fsal, self.count = tableau.fsal, tableau.stages
        self.a = [[float(x) for x in row] for row in tableau.a]
        self.b, self.c = [float(x) for x in tableau.b], [float(x) for x in tableau.c]
        self.b_error = [float(x) for x in tableau.b_error or ()]

    def forward(self, *, dense: bool) -> Callable[..., tuple[Tensor | None, ...]]:
        """``(control, y, k0, tensors) -> (y1, k1, error, stages)``.

        k0 is f at the beginning and k1 at the end for a method whose last stage is that, None for others; the error in
        units of what is tolerated, None where every step is taken; the stages (s, n), if ``dense``.
        """

        def forward(control: Tensor, y: Tensor, k0: Tensor | None, tensors: Sequence[Tensor]) -> Pair:
            stages = self._stages(control, y, k0, tensors, self.count)
            y1 = self._sum(control, y, self.b, stages)
            error = None
            if self.adaptive:  # steps are constants to every derivative
                error = self._error(control, y.detach(), y1.detach(), [stage.detach() for stage in stages])
            return y1, stages[-1] if self.fsal else None, error, torch.stack(stages) if dense else None

        return forward

    def reverse(self, *, dense: bool, timed: bool) -> Callable[..., Any]:
        """``(control, y, cotangent, dense cotangents, totals, tensors) -> (ȳ, totals, control's, stages)``.

        The step is taken again from y, and its cotangent pulled back; the parameters' is added to their totals.

        :param dense: the step has interior outputs: cotangents (s, n) of the stages come with them, and the stages go.
        :param timed: whether ``control`` is to be differentiated.
        """
        # Of a last stage at the end of the step, only outputs inside the step depend.
        count = self.count if dense or not self.fsal else self.count - 1

        def reverse(
            control: Tensor,
            y: Tensor,
            cotangent: Tensor,
            of_stages: Tensor | None,
            totals: Sequence[Tensor],
            tensors: Sequence[Tensor],
        ) -> Any:
            def advance(control: Tensor, y: Tensor, trained: Sequence[Tensor]) -> Any:
                filled = list(tensors)
                for i, tensor in zip(self.trained, trained, strict=True):
                    filled[i] = tensor
                stages = self._stages(control, y, None, filled, count)
                y1 = self._sum(control, y, self.b, stages)
                return (y1, torch.stack(stages)) if dense else y1

            trained = tuple(tensors[i] for i in self.trained)
            at: Callable[..., Any] = advance if timed else lambda y, trained: advance(control, y, trained)
            inputs = (control, y, trained) if timed else (y, trained)
            found, pull = torch.func.vjp(at, *inputs)[:2]
            *of_control, of_y, shares = pull((cotangent, of_stages) if dense else cotangent)
            totals = tuple(total + share for total, share in zip(totals, shares, strict=True))
            return of_y, totals, of_control[0] if timed else None, found[1] if dense else None

        return reverse

    def _evaluate(self, t: Tensor, y: Tensor, tensors: Sequence[Tensor]) -> Tensor:
        leaves = self.tree.leaves(self.call(t.to(self.dtype), self.tree.of(self._parts(y)), tensors))
        if len(leaves) == 1:
            return leaves[0].reshape(-1).contiguous()  # as it may be expanded, and is given to the next step
        return torch.cat([leaf.reshape(-1) for leaf in leaves])

    def _parts(self, vector: Tensor) -> list[Tensor]:
        parts = vector.split(self.sizes) if len(self.sizes) > 1 else (vector,)
        return [part.reshape(shape) for part, shape in zip(parts, self.shapes, strict=True)]

    def _stages(
        self, control: Tensor, y: Tensor, k0: Tensor | None, tensors: Sequence[Tensor], count: int
    ) -> list[Tensor]:
        t1, h = control[0], control[1]
        stages = [] if k0 is None else [k0]
        for i in range(len(stages), count):
            # Measured from the end of the step, so that a stage at c = 1 is at its very time.
            stages.append(self._evaluate(t1 + (self.c[i] - 1.0) * h, self._sum(control, y, self.a[i], stages), tensors))
        return stages

    def _sum(self, control: Tensor, y: Tensor, weights: Sequence[float], stages: Sequence[Tensor]) -> Tensor:
        terms = [weight * k for weight, k in zip(weights, stages, strict=False) if weight]
        return y + control[1].to(self.dtype) * sum(terms[1:], terms[0]) if terms else y

    def _error(self, control: Tensor, y: Tensor, y1: Tensor, stages: Sequence[Tensor]) -> Tensor:
        rtol, atol = control[2].to(self.dtype), control[3].to(self.dtype)
        error = self._sum(control, torch.zeros_like(y), self.b_error, stages)
        # Where the tolerance is 0, so must the error be: 0 / 0 is none.
        scale = (atol + rtol * torch.maximum(y.abs(), y1.abs())).clamp_min(torch.finfo(self.dtype).tiny)
        parts = self._parts(error / scale)
        if self.norm is not None:
            return torch.as_tensor(self.norm(self.tree.of(parts)))
        return largest_rms(parts)


def largest_rms(leaves: Sequence[Tensor]) -> Tensor:
    """The largest of the leaves' root mean squares."""
    norms = [torch.linalg.vector_norm(leaf) / math.sqrt(max(leaf.numel(), 1)) for leaf in leaves]
    return norms[0] if len(norms) == 1 else torch.stack(norms).amax()

"""The dynamics of y and its sensitivities."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from odebench.contract import PyTree
from odebench_torch.arguments import Arguments
from odebench_torch.layout import Layout, flatten
from odebench_torch.norms import largest_rms

with warnings.catch_warnings():
    # Torch imports its forward-mode formulas at the first JVP, with a warning about its own means.
    warnings.simplefilter("ignore", DeprecationWarning)
    torch.func.jvp(torch.sin, (torch.zeros(()),), (torch.ones(()),))


class Variational:
    """``d/dt (y, *S) = (f, *(∂f/∂y S + ∂f/∂θ))`` from one evaluation of f and a JVP for every row of an S.

    :param thetas: the parameters that call takes, detached.
    """

    def __init__(self, arguments: Arguments, layout: Layout, thetas: Sequence[Tensor]) -> None:
        self.arguments, self.layout, self.thetas = arguments, layout, thetas

    def begin(self, t0: Tensor, y0: PyTree, needed: Sequence[bool], *, timed: bool) -> list[Tensor]:
        """S at t0, of shape (m, D) for every leaf of y0 and every parameter of m numbers that is needed, and for t0.

        :param needed: which leaves and parameters.
        :raises Unsupported: when f depends on another tensor that requires grad, there.
        """
        layout, k0 = self.layout, self.arguments.checked(t0, y0, self.thetas)
        wants, self._own = needed[: len(layout.sizes)], needed[len(layout.sizes) :]
        identity = torch.eye(layout.size, dtype=layout.dtype, device=layout.device).split(layout.sizes)
        groups = [block for block, wanted in zip(identity, wants, strict=True) if wanted]
        before = sum(len(block) for block in groups)
        for theta, wanted in zip(self.thetas, self._own, strict=True):
            groups += [identity[0].new_zeros((theta.numel(), layout.size))] if wanted else []
        if timed:
            groups.append(-layout.flat(k0)[None])
        self._sizes = [len(group) for group in groups]
        self._tangents = self._of_parameters(before)
        return groups

    def end(self, ts: Tensor, ys: Sequence[Tensor]) -> None:
        """Look once more at the outputs where f names no parameters: it may capture a tensor at any time.

        :raises Unsupported: as :meth:`begin`.
        """
        if not self.arguments.named and self._sizes:
            for t, *y in zip(ts[1:].to(ys[0]), *(leaf[1:] for leaf in ys), strict=True):
                self.arguments.checked(t, self.layout.tree(y), self.thetas)

    def _of_parameters(self, before: int) -> list[Tensor]:
        """The tangents of every parameter in the direction of every row: one-hot in its own, zero in others."""
        tangents = []
        for theta, wanted in zip(self.thetas, self._own, strict=True):
            rows = theta.new_zeros((sum(self._sizes), theta.numel()))
            if wanted:
                rows[before : before + theta.numel()].fill_diagonal_(1.0)
                before += theta.numel()
            tangents.append(rows.view(-1, *theta.shape))
        return tangents

    def __call__(self, t: Tensor, state: tuple[PyTree, ...]) -> tuple[PyTree, ...]:
        layout = self.layout
        y = layout.flat(state[0])
        if not self._sizes:
            return (self.arguments.checked(t, state[0], self.thetas),)

        def f(y: Tensor, *thetas: Tensor) -> Tensor:
            k = self.arguments.checked(t, layout.tree(layout.views(y)), thetas)
            return torch.cat([leaf.reshape(-1) for leaf in layout.derivative(k)])

        def product(s: Tensor, *tangents: Tensor) -> tuple[Tensor, ...]:
            return torch.func.jvp(f, (y, *self.thetas), (s, *tangents))

        rows = torch.func.vmap(product, out_dims=(None, 0))  # type: ignore[arg-type]
        k, slopes = rows(torch.cat(state[1:]), *self._tangents)
        return layout.tree(layout.views(k)), *slopes.split(self._sizes)


def norm_of(norm: Callable[[PyTree], Tensor | float]) -> Callable[[tuple[PyTree, ...]], float]:
    """A norm of y, for the state that has sensitivities as well: theirs is the largest root mean square."""
    return lambda state: max(float(norm(state[0])), largest_rms(flatten(state[1:])[0]) if len(state) > 1 else 0.0)

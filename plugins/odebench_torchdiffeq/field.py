"""The dynamics as torchdiffeq calls them, and its callbacks as counters and guards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from odebench.contract import Dynamics, PyTree, SolveError, Stats, Status
from odebench_torch.dynamics import Field as Bound
from odebench_torch.layout import Layout
from odebench_torch.vjp import refuse_captured

State = Tensor | tuple[Tensor, ...]


def with_params(f: Dynamics, params: PyTree) -> Callable[[Tensor, PyTree], PyTree]:
    if params is None:
        return f
    if isinstance(f, nn.Module):
        return lambda t, y: functional_call(f, params, (t, y))
    return lambda t, y: f(t, y, params)


class Field:
    """``f(t, y)`` on a tensor or a tuple of tensors.

    torchdiffeq asserts that a step moves t, in the backward pass too, where nobody could catch it: the callbacks,
    which it calls before, raise what the contract asks for.

    :param max_steps: attempts that the forward solve may take.
    :param intervals: between outputs; the backward pass may take ``max_steps`` for each of them, all in all.
    """

    def __init__(
        self,
        call: Callable[[Tensor, PyTree], PyTree],
        layout: Layout,
        max_steps: int,
        intervals: int,
        *,
        adaptive: bool,
    ) -> None:
        self.layout, self._call = layout, call
        self.nfe = 0
        self._last: list[Tensor] = []
        self._rejected = 0
        self._bound: Bound | None = None
        self._by_adjoint = False
        self._forward = _Attempts(self, max_steps)
        self.callback_step = self._forward.step
        self.callback_step_adjoint = _Attempts(self, max_steps * intervals).step
        if adaptive:  # the mere presence of a callback that a method never makes is a warning
            self.callback_reject_step = self._reject

    def state(self, leaves: list[Tensor]) -> State:
        return leaves[0] if len(leaves) == 1 else tuple(leaves)

    def __call__(self, t: Tensor, y: State) -> State:
        self.nfe += 1
        leaves = (y,) if isinstance(y, Tensor) else y
        if self._bound is None:
            k = self.layout.derivative(self._call(t, self.layout.tree(leaves)))
        else:
            k = self._first(self._bound, t, leaves)
        if self._by_adjoint and torch.is_grad_enabled() and not any(leaf.requires_grad for leaf in k):
            # torchdiffeq cannot differentiate dynamics that depend on nothing.
            k = [leaf + 0.0 * x for leaf, x in zip(k, leaves, strict=True)]
        self._last = [leaf.detach() for leaf in k]
        return self.state(k)

    def prepare_adjoint(self, bound: Bound) -> None:
        """For a solve that torchdiffeq's adjoint will differentiate, before its first evaluation.

        :param bound: the same dynamics; that evaluation is made with them, and refuses what they capture.
        """
        self._bound, self._by_adjoint = bound, True

    def _first(self, bound: Bound, t: Tensor, leaves: Sequence[Tensor]) -> list[Tensor]:
        self._bound = None
        with torch.enable_grad():
            k = self.layout.derivative(bound.call(t.detach(), self.layout.tree([y.detach() for y in leaves])))
        refuse_captured(k, bound.aliases)
        return [leaf.detach() for leaf in k]

    def failure(self, t: float | None) -> SolveError:
        """Why a step can be no shorter."""
        finite = all(bool(torch.isfinite(leaf).all()) for leaf in self._last)
        return SolveError(Status.underflow if finite else Status.non_finite, t)

    def stats(self) -> Stats:
        """``nfe`` is counted here, as torchdiffeq does not; steps are by its callbacks; it tells no next step."""
        return Stats(self.nfe, self._forward.count - self._rejected, self._rejected, Status.ok, 0.0)

    def _reject(self, *_: Any) -> None:
        self._rejected += 1


class _Attempts:
    """Counts the steps of one direction."""

    def __init__(self, field: Field, most: int) -> None:
        self._field, self._most, self.count = field, most, 0

    def step(self, t0: Tensor, y0: State, dt: Tensor) -> None:
        """:raises SolveError: when there have been enough, this one would not move t, or a NaN was accepted before.

        The norms of torchdiffeq's tuples, and of its adjoint, are ``max`` of tensors, which can drop a NaN.
        """
        t = t0.item()
        if self.count == self._most:
            raise SolveError(Status.max_steps, t)
        self.count += 1
        if t + dt.item() == t:
            raise self._field.failure(t)
        if not isinstance(y0, Tensor) and not all(bool(torch.isfinite(y).all()) for y in y0):
            raise SolveError(Status.non_finite, t)

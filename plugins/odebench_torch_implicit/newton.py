"""The stages: Newton's iteration (HW IV.8), and the implicit function theorem for their derivative."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from odebench_torch.functional.evaluation import Evaluation, Time
from odebench_torch.layout import Layout
from odebench_torch.norms import Tolerance, largest_rms
from odebench_torch.vjp import refuse_second_derivative
from odebench_torch_implicit.gmres import NotFinite
from odebench_torch_implicit.systems import System

# The part of the tolerance that what is left of the iteration may have.
_KAPPA = 1e-2
# With a rate worse than this, J is taken anew where the iteration is; worse than the other, at the next step.
_SLOW, _FAST = 0.3, 0.05
_ITERATIONS, _FIXED_ITERATIONS = 12, 50


class Diverged(ArithmeticError):
    """Newton's iteration does not converge.

    :ivar finite: whether what it came to is.
    """

    def __init__(self, *, finite: bool) -> None:
        self.finite = finite
        super().__init__("Newton's iteration does not converge")


class Newton:
    """Solves the stages of one step; all that it knows is from this step.

    :param tolerance: None to iterate down to rounding.
    """

    def __init__(self, f: Evaluation, layout: Layout, tolerance: Tolerance | None, system: System) -> None:
        self.f, self.layout, self.tolerance, self.system = f, layout, tolerance, system
        self.worst, self._rate = 0.0, 1.0

    @property
    def fast(self) -> bool:
        """Whether J is still good."""
        return self.worst <= _FAST

    def __call__(self, t: Time, r: Tensor, hg: float, k: Tensor) -> Tensor:
        """k with ``k = f(t, r + hγ k)``.

        :param k: a guess.
        :raises Diverged: when none is found.
        """
        f, limit = self.f, _FIXED_ITERATIONS if self.tolerance is None else _ITERATIONS
        previous = math.inf
        y = torch.add(r, k, alpha=hg)
        for _ in range(limit):
            found = f(t, y)
            try:
                change = self.system.solve(f, hg, t, y, found - k, found)
            except NotFinite:
                raise Diverged(finite=False) from None
            k = k + change
            y = torch.add(r, k, alpha=hg)
            size = largest_rms(self.layout.views(change * hg / self._scale(r, y)))
            if not math.isfinite(size):
                raise Diverged(finite=False)
            if size == 0:
                return k
            rate = size / previous if math.isfinite(previous) else self._rate
            if rate < 1 and size * rate <= 1 - rate:
                if self.tolerance is not None:
                    self._rate = max(rate, 1e-3)
                return k
            if math.isfinite(previous):
                self.worst = max(self.worst, rate)
                if rate > _SLOW:
                    self.system.take(f, t.item() if isinstance(t, Tensor) else t, y)
            previous = size
        raise Diverged(finite=True)

    def _scale(self, r: Tensor, y: Tensor) -> Tensor:
        limits = torch.finfo(y.dtype)
        rounding = y.abs().max().mul(limits.eps**0.8).clamp_min(limits.tiny)
        if self.tolerance is None:
            return rounding
        return torch.maximum(self.tolerance.scale(torch.maximum(r.abs(), y.abs())) * _KAPPA, rounding)


class _Slope(NamedTuple):
    """What the derivative of a stage needs beside its graph."""

    hg: float
    system: System


def implicit(f: Evaluation, t: Time, r: Tensor, hg: Time, k: Tensor, system: System) -> Tensor:
    """k, a solution of ``k = f(t, r + hγ k)``, as a function of t, r, hγ and whatever f depends on.

    ``dk = (I - hγJ)⁻¹ (∂f/∂t dt + J (dr + k d(hγ)) + ∂f/∂θ dθ)``: one evaluation of f at the solution, whose cotangent
    is solved for first.
    """
    y = r + hg * k
    found = f(t, y)
    if not found.requires_grad:
        return k
    if not y.requires_grad:  # as in the first step, where only the parameters do
        found = f(t, y.requires_grad_())
    slope = _Slope(hg.item() if isinstance(hg, Tensor) else hg, system)
    return _Implicit.apply(k, found, y, slope)  # type: ignore[no-any-return, no-untyped-call]


class _Implicit(torch.autograd.Function):
    """``(k, f(t, y), y) -> k``."""

    @staticmethod
    def forward(ctx: Any, k: Tensor, found: Tensor, y: Tensor, slope: _Slope) -> Tensor:
        ctx.save_for_backward(found, y)
        ctx.slope = slope
        return k.view_as(k)

    @staticmethod
    def backward(ctx: Any, cotangent: Tensor) -> tuple[Tensor | None, ...]:
        refuse_second_derivative()
        found, y = ctx.saved_tensors
        slope: _Slope = ctx.slope
        return None, slope.system.transposed(found, y, slope.hg, cotangent), None, None

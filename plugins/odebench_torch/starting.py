"""The first step size of an adaptive solve."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from odebench.contract import SolveError, Status
from odebench_torch.norms import Tolerance
from odebench_torch.stepping import Evaluator


def starting_step(
    f: Evaluator, t0: float, y0: Tensor, k0: Tensor, span: float, tolerance: Tolerance, error_order: int
) -> float:
    """The first step size (HNW II.4, as in their DOPRI5 code), unsigned, by one further evaluation of f.

    :param k0: f(t0, y0).
    :param span: from t0 to the last time, signed; neither the step nor the probe goes beyond it.
    :raises SolveError: when y0 or k0 is not finite.
    """
    scale = tolerance.scale(y0.abs())
    d0, d1 = tolerance(y0, scale), tolerance(k0, scale)
    if not math.isfinite(d0 + d1):
        if y0.isfinite().all() and k0.isfinite().all():  # a zero that moves, and atol = 0
            return min(1e-6, abs(span))
        raise SolveError(Status.non_finite, t0)
    probe = 1e-6 if min(d0, d1) < 1e-5 else 0.01 * d0 / d1
    probe = min(probe, abs(span))
    signed = math.copysign(probe, span)
    k1 = torch.empty_like(k0)
    f(y0.new_full((), t0 + signed), y0.add(k0, alpha=signed), k1)
    steepest = max(d1, tolerance(k1 - k0, scale) / probe)
    if not math.isfinite(steepest):
        return probe
    step = max(1e-6, 1e-3 * probe) if steepest <= 1e-15 else (0.01 / steepest) ** (1.0 / error_order)
    return min(100.0 * probe, step, abs(span))

"""Reconstruction: whether a field is integrated at all, told by solving back to where the solve began."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from odebench.contract import PyTree, SolveError
from odebench.measure.session import Session


def reconstruction(session: Session, params: Any = None) -> dict[str, float]:
    """``reconstruction_error``: ‖ẑ₀ − z₀‖ / ‖z₀‖ of the task's (first) solve, where ẑ₀ is solved for from its end back
    to its beginning with the same backend; infinite where that solve fails. Nothing without an ODE.

    Of order 1 it says that the forward solve followed no trajectory of the field, so that its NFE means little.
    """
    backend, adapter = session.backend, session.adapter
    if backend is None:
        return {}
    f, y0, ts, inputs = session.problem(session.params if params is None else params)

    def solve(y: PyTree, times: Any) -> list[Any]:
        ys, _ = adapter.forward(lambda y, times, inputs: backend.solve(f, y, times, inputs))(y, times, inputs)
        return [adapter.numpy(leaf)[-1].astype(np.float64) for leaf in adapter.leaves(ys)]

    ends = np.asarray(adapter.numpy(ts), np.float64)[[0, -1]]
    try:
        there = session.like(y0, solve(y0, adapter.asarray(ends)))
        back = solve(there, adapter.asarray(ends[::-1].copy()))
    except SolveError:
        return {"reconstruction_error": math.inf}
    start = [adapter.numpy(leaf).astype(np.float64) for leaf in adapter.leaves(y0)]
    apart = sum(float(np.sum((a - b) ** 2)) for a, b in zip(back, start, strict=True))
    size = sum(float(np.sum(b**2)) for b in start)
    error = math.sqrt(apart / size) if size else math.sqrt(apart)
    return {"reconstruction_error": error if math.isfinite(error) else math.inf}

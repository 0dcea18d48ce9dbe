"""LSODA: Adams and BDF of variable order, the one or the other as stiffness asks for (Petzold 1983)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.integrate import odeint

from odebench.contract import SolveError, Status
from odebench_scipy.field import Field, Vector
from odebench_scipy.solve import ScipySolve, Settings, Solved

_INT_MAX = 2**31 - 1


def _integrate(field: Field, ts: Vector, y: Vector, settings: Settings) -> Solved:
    """``scipy.integrate.odeint``, whose ``mxstep`` holds for an output interval; the sum is checked afterwards."""
    first = 0.0 if settings.first_step is None else math.copysign(settings.first_step, ts[-1] - ts[0])
    ys, report = odeint(
        field,
        y,
        ts,
        tfirst=True,
        full_output=True,
        rtol=settings.rtol,
        atol=settings.atol,
        h0=first,
        mxstep=min(settings.max_steps, _INT_MAX),
    )
    if not report["message"].startswith("Integration successful"):
        raise _failure(ts, report)
    steps = int(report["nst"][-1])
    if steps > settings.max_steps:
        raise SolveError(Status.max_steps, float(ts[-1]))
    return Solved(ys, int(report["nfe"][-1]), steps, -1)


def _failure(ts: Vector, report: Any) -> SolveError:
    """The first interval whose end was not reached is where it failed; behind that, the report is not filled in."""
    direction = math.copysign(1.0, ts[-1] - ts[0])
    short = direction * (report["tcur"] - ts[1:]) < 0
    where = int(np.argmax(short))
    t, h = float(report["tcur"][where]), float(report["hu"][where])
    spent = report["message"].startswith("Excess work") and abs(h) > math.ulp(t)
    return SolveError(Status.max_steps if spent else Status.underflow, t)


# odeint has an hmin, but SciPy 1.17 does nothing with it.
lsoda = ScipySolve("lsoda", _integrate)

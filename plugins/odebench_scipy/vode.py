"""VODE: Adams or BDF of variable order and coefficients (Brown, Byrne & Hindmarsh 1989)."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
from scipy.integrate import ode

from odebench.contract import SolveError, Status
from odebench_scipy.field import Field, Vector
from odebench_scipy.solve import ScipySolve, Settings, Solved

_EXCESS_WORK = -1


def _integrate(method: str, newton: bool, field: Field, ts: Vector, y: Vector, settings: Settings) -> Solved:
    """``scipy.integrate.ode`` with ``vode``, which goes on from output to output.

    :param newton: solve the implicit equations by Newton's method with a dense Jacobian of differences of f, else by
        functional iteration.
    """
    first = 0.0 if settings.first_step is None else math.copysign(settings.first_step, ts[-1] - ts[0])
    solver: Any = ode(field)
    solver.set_integrator(
        "vode",
        method=method,
        with_jacobian=newton,
        rtol=settings.rtol,
        atol=settings.atol,
        nsteps=settings.max_steps,
        min_step=settings.min_step,
        first_step=first,
    )
    solver.set_initial_value(y, ts[0])
    # VODE's optional outputs (its prologue, IWORK(11…) and RWORK(11…)) are nowhere else.
    counts, reals = solver._integrator.iwork, solver._integrator.rwork
    ys = np.empty((len(ts), y.size))
    ys[0] = y
    for i, t in enumerate(ts[1:], start=1):
        ys[i] = solver.integrate(t)
        spent = solver.get_return_code() == _EXCESS_WORK and abs(reals[10]) > math.ulp(solver.t)
        if spent or counts[10] > settings.max_steps:
            raise SolveError(Status.max_steps, float(solver.t))
        if not solver.successful():
            raise SolveError(Status.underflow, float(solver.t))
    return Solved(ys, int(counts[11]), int(counts[10]), int(counts[20] + counts[21]))


vode_adams = ScipySolve("vode_adams", partial(_integrate, "adams", False), floor=True)
vode_bdf = ScipySolve("vode_bdf", partial(_integrate, "bdf", True), floor=True)

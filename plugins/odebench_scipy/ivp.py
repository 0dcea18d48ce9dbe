"""The methods of ``solve_ivp``, step by step: to bound the steps, and to interpolate only where no step lands."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from scipy.integrate import BDF, DOP853, RK45, OdeSolver, Radau

from odebench.contract import SolveError, Status
from odebench_scipy.field import Field, Vector
from odebench_scipy.solve import ScipySolve, Settings, Solved

Method = Callable[..., OdeSolver]

# Evaluations of an attempted step.
_STAGES: dict[Method, int] = {RK45: 6, DOP853: 12}
# Below this, SciPy warns and takes this.
_LEAST_RTOL = 100 * float(np.finfo(np.float64).eps)


def _integrate(method: Method, field: Field, ts: Vector, y: Vector, settings: Settings) -> Solved:
    """Of an explicit method ``max_steps`` bounds attempts, and else, where SciPy does not tell them, accepted steps.

    The library's count of evaluations leaves out those behind an implicit method's Jacobian; here they are counted.
    """
    field.recovers = True
    try:
        return _steps(method, field, ts, y, settings)
    except ValueError:
        if field.error is not None:
            raise
        raise SolveError(Status.non_finite, field.t) from None  # of a Jacobian that is to be factorised


def _steps(method: Method, field: Field, ts: Vector, y: Vector, settings: Settings) -> Solved:
    rtol = max(settings.rtol, _LEAST_RTOL)
    solver = method(field, ts[0], y, ts[-1], rtol=rtol, atol=settings.atol, first_step=settings.first_step)
    stages = _STAGES.get(method)
    ys = np.empty((len(ts), y.size))
    ys[0] = y
    reached, accepted, attempts = 1, 0, 0
    while solver.status == "running":
        if attempts >= settings.max_steps:
            raise SolveError(Status.max_steps, float(solver.t))
        before = solver.nfev
        if solver.step() is not None:  # its message
            raise SolveError(Status.underflow if field.finite else Status.non_finite, float(solver.t))
        accepted += 1
        attempts += (solver.nfev - before) // stages if stages else 1
        reached = _write(solver, ts, ys, reached)
    nfe, rejected = (solver.nfev, attempts - accepted) if stages else (field.calls, -1)
    return Solved(ys, nfe, accepted, rejected)


def _write(solver: OdeSolver, ts: Vector, ys: Vector, reached: int) -> int:
    """Write the outputs that the last step reached. :returns: how many there are now."""
    passed = int(np.searchsorted(solver.direction * ts, solver.direction * solver.t, side="right"))
    inside = passed - (passed > reached and ts[passed - 1] == solver.t)
    if inside > reached:
        ys[reached:inside] = solver.dense_output()(ts[reached:inside]).T
    ys[inside:passed] = solver.y
    return passed


rk45 = ScipySolve("rk45", partial(_integrate, RK45))
dop853 = ScipySolve("dop853", partial(_integrate, DOP853))
radau = ScipySolve("radau", partial(_integrate, Radau))
bdf = ScipySolve("bdf", partial(_integrate, BDF))

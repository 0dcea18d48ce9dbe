"""A route to the truth: piecewise collocation in extended precision, differentiated by complex steps.

On each panel the solution is a polynomial that fulfils the equation at the nodes of Radau IIA (HNW II, IV.5), and a
panel is shortened until the last Legendre coefficients of its polynomial are negligible. The times are complex, as all
other inputs are, so that derivatives with respect to them are those of the solve itself. The arithmetic is NumPy's
``longdouble``, of 64 bits of mantissa on x86; where it is no longer than float64, fewer digits agree.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from functools import cache

import numpy as np
from scipy.linalg import lu_factor, lu_solve
from scipy.special import roots_jacobi

from .complex_step import STEP, perturbed
from .problem import Array, Problem

STAGES = 16
TAIL = 1e-14  # the last Legendre coefficients, relative to the solution; at its end a panel is better by far
_ROUNDING, _STAGNANT = 1e-18, 1e-14  # of Newton's iteration
_ITERATIONS = 40


@cache
def _nodes() -> tuple[Array, Array, Array]:
    """Nodes c (s,) of Radau IIA, the integrals A (s, s) up to each, and L (s, s) from values to Legendre coefficients.

    Radau's quadrature is exact for degree 2s-2, hence for a Legendre polynomial times one of degree s-1.
    """
    inner = roots_jacobi(STAGES - 1, 1.0, 0.0)[0].astype(np.longdouble)
    x = np.append(inner, np.longdouble(1))
    for _ in range(3):  # from float64 to longdouble by Newton on P_s - P_{s-1}, whose roots the nodes are
        p, derivative = _legendre(x, STAGES)
        step = (p[-1] - p[-2]) / (derivative[-1] - derivative[-2])
        x -= np.where(x == 1, 0, step)
    p, _ = _legendre(x, STAGES)
    weights = (1 + x) / (STAGES * p[STAGES - 1]) ** 2 / 2
    degree = np.arange(STAGES)
    to_coefficients = (2 * degree[:, None] + 1) * p[:-1] * weights
    below = np.vstack([-np.ones_like(x), p[:-2]])
    integrals = (p[1:] - below) / (2 * (2 * degree[:, None] + 1))
    integrals[0] = (1 + x) / 2
    return (1 + x) / 2, integrals.T @ to_coefficients, to_coefficients


def _legendre(x: Array, degree: int) -> tuple[Array, Array]:
    """P_0 … P_degree at x, and their derivatives, each (degree + 1, len(x)); derivatives only for |x| < 1."""
    p, d = [np.ones_like(x), x], [np.zeros_like(x), np.ones_like(x)]
    for k in range(1, degree):
        p.append(((2 * k + 1) * x * p[k] - k * p[k - 1]) / (k + 1))
        d.append((2 * k + 1) * p[k] + d[k - 1])
    return np.stack(p), np.stack(d)


def solve(problem: Problem) -> Array:
    """ys (rows, T, n) of the perturbed inputs. :raises ArithmeticError: where panels get too short."""
    params = perturbed(problem)
    y0, times = params.pop("y0"), params.pop("ts").T
    ys, size = [y0], _Size(y0)
    length = 1e-3 * abs(float(times[1, 0].real - times[0, 0].real))
    for start, end in itertools.pairwise(times):
        y, at, span = ys[-1], np.longdouble(0), abs(float((end - start)[0].real))
        while at < 1:
            cut = length > (1 - at) * span
            step = 1 - at if cut else np.longdouble(length / span)
            panel, tail = _panel(problem, params, start + at * (end - start), step * (end - start), y, size)
            if tail <= TAIL:
                y, at = panel, at + step
            if tail > TAIL or not cut:  # a panel that an output time cuts says nothing of the next
                length *= min(2.0, max(0.2, 0.9 * (TAIL / max(tail, 1e-30)) ** (1 / STAGES)))
            if length < 1e-14 * span:
                raise ArithmeticError(f"{problem.name}: collocation does not converge between {start} and {end}")
        ys.append(y)
    return np.stack(ys, axis=1)


class _Size:
    """How large the components of y and the rows of its derivative have been: what errors are relative to."""

    def __init__(self, y: Array) -> None:
        self._of_y = np.zeros(y.shape[-1])
        self._of_rows = np.zeros(len(y))
        self.see(y)

    def see(self, y: Array) -> None:
        """y (..., rows, n)."""
        self._of_y = np.maximum(self._of_y, np.abs(y.real).reshape(-1, y.shape[-1]).max(0).astype(float))
        self._of_y = np.maximum(self._of_y, 1e-8 * self._of_y.max() + 1e-300)
        derivative = (np.abs(y.imag) / STEP / self._of_y).max(-1).reshape(-1, y.shape[-2])
        self._of_rows = np.maximum(self._of_rows, derivative.max(0).astype(float))

    def of(self, change: Array) -> float:
        """The largest change (..., rows, n), of y or of a derivative, relative to what has been seen."""
        relative = np.abs(change) / self._of_y
        derivative = relative.imag / STEP / (self._of_rows[:, None] + 1e-300)
        return float(max(relative.real.max(), derivative.max()))


def _panel(
    problem: Problem, params: dict[str, Array], start: Array, length: Array, y: Array, size: _Size
) -> tuple[Array, float]:
    """y at a panel's end, and the size of its last Legendre coefficients: infinity where Newton does not converge."""
    c, integrals, to_coefficients = _nodes()
    t = start + c[:, None] * length
    solve = _newton(problem, t[0, 0].real, y[0].real, float(length[0].real), integrals)
    nodes, last = np.broadcast_to(y, (STAGES, *y.shape)), math.inf
    for _ in range(_ITERATIONS):
        slope = problem.f(t, nodes, params, np)
        defect = y + length[:, None] * np.tensordot(integrals, slope, 1) - nodes
        if not np.all(np.isfinite(defect)):
            break
        change = solve(defect)
        nodes = nodes + change
        size.see(nodes)
        moved = size.of(change)
        if moved < _ROUNDING or (moved > last / 2 and last < _STAGNANT):
            tail = np.tensordot(to_coefficients[-2:], nodes, 1)
            return nodes[-1], size.of(tail)
        if moved > last:
            break
        last = moved
    return y, math.inf


def _newton(problem: Problem, t: Array, y: Array, length: float, integrals: Array) -> Callable[[Array], Array]:
    """Solves the linear equations of a simplified Newton step, in float64, for a defect (s, rows, n).

    Only the defect must be exact: what the solution lacks in digits costs an iteration more.
    """
    n = y.size
    params = {name: value for name, value in problem.inputs.items() if name not in ("y0", "ts")}
    moved = y.astype(np.complex128) + 1j * 2.0**-60 * np.eye(n)
    jacobian = problem.f(np.asarray(float(t)), moved, params, np).imag.T * 2.0**60
    factors = lu_factor(np.eye(STAGES * n) - length * np.kron(integrals.astype(float), jacobian))

    def solve(defect: Array) -> Array:
        rows = defect.shape[1]
        columns = np.concatenate([defect.real, defect.imag / STEP], axis=1).astype(float)
        found = lu_solve(factors, columns.transpose(0, 2, 1).reshape(STAGES * n, 2 * rows))
        found = found.reshape(STAGES, n, 2 * rows).transpose(0, 2, 1)
        return found[:, :rows] + 1j * STEP * found[:, rows:]

    return solve

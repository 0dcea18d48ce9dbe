"""Dynamics as SciPy calls them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from autograd.tracer import isbox  # type: ignore[import-untyped]
from numpy.typing import NDArray
from scipy.integrate import ODEintWarning
from scipy.linalg import LinAlgWarning

from odebench.contract import Dynamics, PyTree, SolveError, Status
from odebench_numpy.layout import Layout

Vector = NDArray[np.float64]


class Field:
    """``(t, y) -> dy/dt`` on float64 vectors, from dynamics on a tree of y0's dtype.

    :ivar calls: evaluations so far.
    :ivar t: where the last one was.
    :ivar finite: whether what it returned was finite.
    :ivar recovers: whether the solver tries a shorter step where dy/dt is not finite; LSODA and VODE go on with it.
    :ivar error: what f raised, or is to be raised for what it returned.
    """

    def __init__(self, f: Dynamics, layout: Layout, params: PyTree) -> None:
        self._args = () if params is None else (params,)
        self._f, self._layout = f, layout
        self.error: Exception | None = None
        self.calls, self.t, self.finite, self.recovers = 0, np.nan, True, False

    def __call__(self, t: float, y: Vector) -> Vector:
        """:raises SolveError: when dy/dt is not finite at the first evaluation, or the solver cannot recover."""
        if self.error is not None:  # VODE of SciPy 1.17 calls again
            raise self.error
        self.calls += 1
        self.t = float(t)
        try:
            return self._evaluate(y)
        except Exception as error:
            self.error = error
            raise

    def _evaluate(self, y: Vector) -> Vector:
        layout = self._layout
        state = layout.tree(y.astype(layout.dtype))  # a copy: SciPy's own vector is not f's to keep
        k = layout.derivative(self._f(layout.dtype.type(self.t), state, *self._args))
        if isbox(k):
            raise RuntimeError(
                "f depends on an array that is differentiated and is not among its parameters: pass it in params, "
                "and call the odeint of a gradient method"
            )
        dydt: Vector = np.array(k, dtype=np.float64)
        self.finite = bool(np.isfinite(dydt).all())
        if not self.finite and (self.calls == 1 or not self.recovers):
            raise SolveError(Status.non_finite, self.t)
        return dydt

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Around SciPy's own code: failures are statuses and not warnings, and f's own exceptions come out of VODE."""
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore", ODEintWarning)
            warnings.simplefilter("ignore", LinAlgWarning)
            warnings.filterwarnings("ignore", "vode:", UserWarning)
            try:
                yield
            except Exception as error:
                if self.error is not None and error is not self.error:
                    raise self.error from None
                raise


def vector_of(layout: Layout, y0: PyTree) -> Vector:
    """:raises TypeError: when y0 is being differentiated."""
    flat: Any = layout.flat(y0)
    if isbox(flat):
        raise TypeError("y0 is being differentiated: call the odeint of a gradient method, not the solver")
    return np.array(flat, dtype=np.float64)

"""Reconstruction: whether a field is integrated at all, told by solving back to where the solve began."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

import numpy as np

from odebench.contract import Array, PyTree, SolveError
from odebench.measure.session import Session


class Reconstruction:
    """Reconstructs one cell's beginning, as often as it is asked to."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def __call__(self, params: dict[str, Array]) -> dict[str, float]:
        """``reconstruction_error``: ‖ẑ₀ − z₀‖ / ‖z₀‖ of the task's (first) solve, where ẑ₀ is solved for from its end
        back to its beginning with the same backend; infinite where that solve fails. Nothing without an ODE.

        Of order 1 it says that the forward solve followed no trajectory of the field, so that its NFE means little.
        """
        session, adapter = self._session, self._session.adapter
        if session.backend is None:
            return {}
        _, _, ts, _ = session.problem(params)
        ends = np.asarray(adapter.numpy(ts), np.float64)[[0, -1]]
        try:
            pair = self._there_and_back(params, adapter.asarray(ends), adapter.asarray(ends[::-1].copy()))
        except SolveError:
            return {"reconstruction_error": math.inf}
        start, back = (
            [np.asarray(adapter.numpy(leaf), np.float64) for leaf in adapter.leaves(state)] for state in pair
        )
        apart = sum(float(np.sum((a - b) ** 2)) for a, b in zip(back, start, strict=True))
        size = sum(float(np.sum(b**2)) for b in start)
        error = math.sqrt(apart / size) if size else math.sqrt(apart)
        return {"reconstruction_error": error if math.isfinite(error) else math.inf}

    @cached_property
    def _there_and_back(self) -> Any:
        session = self._session
        backend = session.backend
        assert backend is not None

        def there_and_back(params: dict[str, Array], forth: Array, back: Array) -> tuple[PyTree, PyTree]:
            f, y0, _, inputs = session.problem(params)
            there, _ = backend.solve(f, y0, forth, inputs)
            again, _ = backend.solve(f, _last(there), back, inputs)
            return y0, _last(again)

        return session.adapter.forward(there_and_back)


def _last(ys: PyTree) -> PyTree:
    if isinstance(ys, dict):
        return {name: _last(part) for name, part in ys.items()}
    if isinstance(ys, list | tuple):
        return type(ys)(_last(part) for part in ys)
    return ys[-1]


def reconstruction(session: Session) -> dict[str, float]:
    """See :meth:`Reconstruction.__call__`."""
    return Reconstruction(session)(session.params)

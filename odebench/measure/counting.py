"""NFE: evaluations and products of the dynamics, counted by the harness from instrumented dynamics."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

from odebench.adapter import Adapter, Counts
from odebench.contract import Array, Dynamics, PyTree, Stats, Status
from odebench.measure.session import Diverged, Session

# What a thousand steps' rounding of t may add up to.
_ROUNDING = {"float64": 2.0**-42, "float32": 2.0**-13, "bfloat16": 1.0}


class Counter:
    """Counts one cell's evaluations, as often as it is asked to."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._counts = Counts()
        self._sizes: list[int] = []
        self._own_sizes: list[int] = []

    def __call__(self, params: dict[str, Array]) -> dict[str, float]:
        """``nfe_forward``, ``nfe_backward`` (f in the backward pass), ``vjps`` and ``jvps`` of one gradient of the
        probe's loss, how far beyond its times f was called (``past_end``, a part of their span), and what the solver
        says of itself (``claimed_nfe``, ``accepted``, ``rejected``; none of those that it does not tell). All 0 without
        an ODE.

        ``solved_size`` is how many numbers the largest state has that any solve of the gradient carries, as 2D + K of
        an adjoint; none of a library that is seen to solve for nothing but y, and may solve behind its own doors.

        :raises Diverged: where a solver ended well, but never came to its last time.
        """
        session, counts = self._session, self._counts
        if session.backend is None:
            return {"nfe_forward": 0, "nfe_backward": 0, "vjps": 0}
        counts.clear()
        _, traced = self._forward(params, session.probe)
        session.adapter.block(traced)
        session.adapter.flush()
        claims = [tuple(map(int, claim[:3])) for claim in traced]
        spans = [(float(first), float(last)) for *_, first, last in traced]
        # Products in the forward solve are an implicit method's own, beside its evaluations.
        nfe_forward, linear = counts.f, counts.jvp + counts.vjp
        earliest, latest = counts.earliest, counts.latest
        if self._evaluates_ends and all(int(claim[3]) == Status.ok for claim in traced):
            _check_ends(earliest, latest, spans, session.cell.dtype)
        counts.clear()
        session.adapter.block(self._gradient(params, session.probe))
        session.adapter.flush()
        reached = min(earliest, counts.earliest), max(latest, counts.latest)
        found: dict[str, float] = {
            "nfe_forward": nfe_forward,
            "nfe_backward": counts.f - nfe_forward,
            "products_forward": linear,
            "vjps": counts.vjp,
            "jvps": counts.jvp,
        }
        for name, told in zip(("claimed_nfe", "accepted", "rejected"), zip(*claims, strict=True), strict=False):
            if min(told) >= 0:
                found[name] = sum(told)
        size, own_size = max(self._sizes, default=0), max(self._own_sizes, default=0)
        if size > own_size or session.cell.library == session.cell.framework:
            found["solved_size"] = size
        if math.isfinite(reached[0]):
            found["past_end"] = _beyond(reached, spans)
        return found

    @property
    def _evaluates_ends(self) -> bool:
        """Whether the solver evaluates f at the end of every step: its tableau has a node 1."""
        assert self._session.backend is not None
        entry = self._session.backend.registry.tableaus.get(self._session.cell.solver)
        return entry is not None and max(entry.tableau.c) == 1

    @cached_property
    def _forward(self) -> Any:
        session, counts = self._session, self._counts
        backend, adapter, own_sizes = session.backend, session.adapter, self._own_sizes
        assert backend is not None

        def forward(params: dict[str, Array], batch: PyTree) -> PyTree:
            claims: list[tuple[Any, ...]] = []

            def claim(y0: PyTree, ts: Array, stats: Stats) -> None:
                own_sizes.append(_size(adapter, y0))
                claims.append((stats.nfe, stats.accepted, stats.rejected, stats.status, ts[0], ts[-1]))

            def odeint(f: Dynamics, y0: PyTree, ts: Array, params: PyTree = None) -> PyTree:
                ys, stats = backend.solve(f, y0, ts, params)
                claim(y0, ts, stats)
                return ys

            def dense(f: Dynamics, y0: PyTree, ts: Array, params: PyTree = None) -> Any:
                ys, stats, path = backend.dense(f, y0, ts, params)
                claim(y0, ts, stats)
                return ys, stats, path

            counted = backend.eventful(odeint, dense, lambda f: adapter.counted(f, counts))
            return session.task.loss(params, batch, counted), claims

        return adapter.forward(forward)

    @cached_property
    def _gradient(self) -> Any:
        session, counts = self._session, self._counts
        adapter = session.adapter
        assert session.backend is not None
        backend = session.backend.watched(lambda y0: self._sizes.append(_size(adapter, y0)))

        odeint = backend.eventful(see=lambda f: adapter.counted(f, counts))

        def gradient(params: dict[str, Array], batch: PyTree) -> Array:
            return session.task.loss({**params, **session.constants}, batch, odeint)

        return adapter.value_and_grad(gradient)


def _size(adapter: Adapter, y0: PyTree) -> int:
    return sum(math.prod(leaf.shape) for leaf in adapter.leaves(y0))


def _check_ends(earliest: float, latest: float, spans: list[tuple[float, float]], dtype: str) -> None:
    """:raises Diverged: where f was called, but never near a last time."""
    for first, last in spans:
        slack = _ROUNDING[dtype] * max(abs(first), abs(last))
        reached, short = (latest, last - latest) if first < last else (earliest, earliest - last)
        if first != last and slack < short < math.inf:
            raise Diverged(f"the solver ended before its last time: at t={reached:.9g} of {last:.9g}")


def _beyond(reached: tuple[float, float], spans: list[tuple[float, float]]) -> float:
    """How far f was called outside of all solves' times, as a part of their span."""
    first = min(min(span) for span in spans)
    last = max(max(span) for span in spans)
    return max(0.0, reached[1] - last, first - reached[0]) / (last - first) if last > first else 0.0


def count(session: Session) -> dict[str, float]:
    """See :meth:`Counter.__call__`."""
    return Counter(session)(session.params)

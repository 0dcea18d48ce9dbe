"""NFE: evaluations and products of the dynamics, counted by the harness from instrumented dynamics."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

from odebench.adapter import Counts
from odebench.contract import Array, Dynamics, PyTree
from odebench.measure.session import Session


class Counter:
    """Counts one cell's evaluations, as often as it is asked to."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._counts = Counts()
        self._sizes: list[int] = []

    def __call__(self, params: dict[str, Array]) -> dict[str, float]:
        """``nfe_forward``, ``nfe_backward`` (f in the backward pass), ``vjps`` and ``jvps`` of one gradient of the
        probe's loss, how far beyond its times f was called (``past_end``, a part of their span), and what the solver
        says of itself (``claimed_nfe``, ``accepted``, ``rejected``). All 0 without an ODE.

        ``solved_size`` is how many numbers the largest state has that any solve of the gradient carries, as 2D + K of
        an adjoint; 0 where a library solves behind its own doors.
        """
        session, counts = self._session, self._counts
        if session.backend is None:
            return {"nfe_forward": 0, "nfe_backward": 0, "vjps": 0}
        counts.clear()
        _, claims = self._forward(params, session.probe)
        session.adapter.block(claims)
        session.adapter.flush()
        # Products in the forward solve are an implicit method's own, beside its evaluations.
        nfe_forward, linear = counts.f, counts.jvp + counts.vjp
        earliest, latest = counts.earliest, counts.latest
        counts.clear()
        session.adapter.block(self._gradient(params, session.probe))
        session.adapter.flush()
        reached = min(earliest, counts.earliest), max(latest, counts.latest)
        nfe, accepted, rejected = (sum(int(claim[i]) for claim in claims) for i in range(3))
        found: dict[str, float] = {
            "solved_size": max(self._sizes, default=0),
            "nfe_forward": nfe_forward,
            "nfe_backward": counts.f - nfe_forward,
            "products_forward": linear,
            "vjps": counts.vjp,
            "jvps": counts.jvp,
            "claimed_nfe": nfe,
            "accepted": accepted,
            "rejected": rejected,
        }
        if math.isfinite(reached[0]):
            found["past_end"] = _beyond(reached, [(float(claim[3]), float(claim[4])) for claim in claims])
        return found

    @cached_property
    def _forward(self) -> Any:
        session, counts = self._session, self._counts
        backend, adapter = session.backend, session.adapter
        assert backend is not None

        def forward(params: dict[str, Array], batch: PyTree) -> PyTree:
            claims: list[tuple[Any, ...]] = []

            def odeint(f: Dynamics, y0: PyTree, ts: Array, params: PyTree = None) -> PyTree:
                ys, stats = backend.solve(adapter.counted(f, counts), y0, ts, params)
                claims.append((stats.nfe, stats.accepted, stats.rejected, ts[0], ts[-1]))
                return ys

            return session.task.loss(params, batch, odeint), claims

        return adapter.forward(forward)

    @cached_property
    def _gradient(self) -> Any:
        session, counts = self._session, self._counts
        adapter = session.adapter
        assert session.backend is not None
        backend = session.backend.watched(
            lambda y0: self._sizes.append(sum(math.prod(leaf.shape) for leaf in adapter.leaves(y0)))
        )

        def gradient(params: dict[str, Array], batch: PyTree) -> Array:
            def odeint(f: Dynamics, y0: PyTree, ts: Array, params: PyTree = None) -> PyTree:
                return backend.odeint(adapter.counted(f, counts), y0, ts, params)

            return session.task.loss({**params, **session.constants}, batch, odeint)

        return adapter.value_and_grad(gradient)


def _beyond(reached: tuple[float, float], spans: list[tuple[float, float]]) -> float:
    """How far f was called outside of all solves' times, as a part of their span."""
    first = min(min(span) for span in spans)
    last = max(max(span) for span in spans)
    return max(0.0, reached[1] - last, first - reached[0]) / (last - first) if last > first else 0.0


def count(session: Session) -> dict[str, float]:
    """See :meth:`Counter.__call__`."""
    return Counter(session)(session.params)

"""NFE: evaluations and vector–Jacobian products of the dynamics, counted by the harness from instrumented dynamics."""

from __future__ import annotations

from typing import Any

from odebench.adapter import Counts
from odebench.contract import Array, Dynamics, PyTree
from odebench.measure.session import Session


def count(session: Session) -> dict[str, float]:
    """``nfe_forward``, ``nfe_backward`` (f in the backward pass) and ``vjps`` of one gradient of the probe's loss,
    and what the solver says of itself (``claimed_nfe``, ``accepted``, ``rejected``). All 0 without an ODE.
    """
    backend, adapter = session.backend, session.adapter
    if backend is None:
        return {"nfe_forward": 0, "nfe_backward": 0, "vjps": 0}
    counts = Counts()

    def forward(params: dict[str, Array], batch: PyTree) -> PyTree:
        claims: list[tuple[Any, Any, Any]] = []

        def odeint(f: Dynamics, y0: PyTree, ts: Array, params: PyTree = None) -> PyTree:
            ys, stats = backend.solve(adapter.counted(f, counts), y0, ts, params)
            claims.append((stats.nfe, stats.accepted, stats.rejected))
            return ys

        return session.task.loss(params, batch, odeint), claims

    def gradient(params: dict[str, Array], batch: PyTree) -> Array:
        def odeint(f: Dynamics, y0: PyTree, ts: Array, params: PyTree = None) -> PyTree:
            return backend.odeint(adapter.counted(f, counts), y0, ts, params)

        return session.task.loss(params, batch, odeint)

    _, claims = adapter.forward(forward)(session.params, session.probe)
    adapter.block(claims)
    adapter.flush()
    nfe_forward, counts.f = counts.f, 0
    adapter.block(adapter.value_and_grad(gradient)(session.params, session.probe))
    adapter.flush()
    nfe, accepted, rejected = (sum(int(claim[i]) for claim in claims) for i in range(3))
    return {
        "nfe_forward": nfe_forward,
        "nfe_backward": counts.f - nfe_forward,
        "vjps": counts.vjp,
        "claimed_nfe": nfe,
        "accepted": accepted,
        "rejected": rejected,
    }

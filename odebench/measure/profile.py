"""The split of the overhead: which part of a solve the time of its gradient went into."""

from __future__ import annotations

from contextlib import nullcontext
from importlib import import_module
from statistics import median
from typing import Any

from odebench.adapter import Watch
from odebench.contract import PyTree
from odebench.descriptors import PARTS
from odebench.measure.overhead import Limit, limit
from odebench.measure.session import Session
from odebench.measure.tracing import Tracer, code_of


def profile(session: Session, seconds: float) -> dict[str, float]:
    """The overhead, and the parts of that very gradient's time, ``part_…``, which sum to 1. Nothing without an ODE.

    Where f is Python that runs in every evaluation, it is traced: the parts are those of
    :class:`odebench.descriptors.Parts`, and ``profile_slowdown`` is by how much tracing made their time longer.
    Compiled code has no such boundaries: dynamics and autograd are what the limit says of them, and ``part_other`` is
    all else, less than 0 where it is faster than its evaluations would be by themselves.

    ``host_syncs`` is how often Python read an array's values in the gradient, ``host_syncs_per_step`` in the forward
    solve, for every step that was tried.

    :param seconds: about how long to measure.
    """
    found = limit(session, seconds / 2)
    if found is None:
        return {}
    framework = session.registry.frameworks[session.cell.framework]
    watch: Watch | None = import_module(framework.watch) if framework.watch else None
    with watch.one_thread() if watch else nullcontext():
        parts = _traced(session, found, seconds / 2) or _by_difference(found)
    return found.metrics | parts | (_host_syncs(session, found, watch) if watch else {})


def _traced(session: Session, found: Limit, seconds: float) -> dict[str, float]:
    """By turns with calls that nobody looks at; nothing where Python runs f less than half as often as it is evaluated:
    compiled code may leave it the first evaluation.
    """
    code = code_of(found.problem[0])
    if code is None:
        return {}
    tables = [table for table in session.registry.parts.values() if table.library in ("", session.cell.library)]
    tracer, elapsed = Tracer(code, tables), session.adapter.elapsed
    slowdowns: list[float] = []
    total = 0.0
    for _ in range(max(3, min(100, int(seconds / 2.5 / max(found.wall, 1e-6))))):
        plain = elapsed(found.gradient)
        tracer(lambda: session.adapter.block(found.gradient()))
        if 2 * tracer.evaluations < found.counts.f:
            return {}
        before, total = total, sum(tracer.seconds.values())
        slowdowns.append((total - before) / plain)
    return {f"part_{name}": tracer.seconds[name] / total for name in PARTS} | {"profile_slowdown": median(slowdowns)}


def _by_difference(found: Limit) -> dict[str, float]:
    dynamics, products = found.dynamics / found.wall, found.products / found.wall
    return {"part_dynamics": dynamics, "part_autograd": products, "part_other": 1.0 - dynamics - products}


def _host_syncs(session: Session, found: Limit, watch: Watch) -> dict[str, float]:
    backend = session.backend
    assert backend is not None
    f, y0, ts, params = found.problem
    claims: list[Any] = []

    def solve(inputs: PyTree) -> PyTree:
        ys, stats = backend.solve(f, inputs["y0"], ts, inputs["params"])
        claims.append((stats.accepted, stats.rejected))
        return ys

    metrics: dict[str, float] = {"host_syncs": watch.host_reads(found.gradient)}
    forward = session.adapter.forward(solve)
    reads = watch.host_reads(lambda: forward({"y0": y0, "params": params}))
    accepted, rejected = map(int, claims[-1])
    if min(accepted, rejected) >= 0 and accepted + rejected:
        metrics["host_syncs_per_step"] = reads / (accepted + rejected)
    return metrics

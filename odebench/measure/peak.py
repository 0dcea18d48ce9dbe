"""Peak resident growth of a process that does one gradient and nothing else."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import psutil

from odebench.measure.session import Session


def peak_growth(session: Session) -> dict[str, float]:
    """``peak_growth_bytes``: how far the resident set rose above what it was before the gradient.

    To be called in a fresh process, whose allocator has nothing to hand out again. Compilation comes before the
    mark: what a compiler needs is not what the method needs. Its first call is therefore made on an empty trace
    where the framework compiles, and the kernel's high-water mark is reset (Linux) before the measured call.
    """
    compiled = session.adapter.prepare(session.value_and_grad, session.params, session.probe)
    before = psutil.Process().memory_info().rss
    _reset_high_water()
    session.adapter.block(compiled(session.params, session.probe))
    return {"peak_growth_bytes": max(0, _high_water() - before)}


def _reset_high_water() -> None:
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return  # not Linux, or not allowed: the mark since the start of the process stands in for it


def _high_water() -> int:
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
